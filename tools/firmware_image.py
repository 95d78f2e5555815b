"""Builds the firmware image of a board: MicroPython from Debian's sources with the project's modules frozen into it.
It must never be needed to use an image: what it builds is cached by the hash of its inputs, and can be built again.
Specification: boards/README.md, "The image".

    python -m tools.firmware_image --board rpi_pico
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import debian_sources
from tools.debian_sources import DebianTrixie, run
from tools.errors import DONE, NO, WRONG_USE, UsageError
from tools.image_plan import (
    ImagePlan,
    ImageTooBig,
    boards_with_image,
    check_budget,
    config_header,
    image_of_uf2,
    input_hash,
    plan_image,
    write_board_folder,
)

# program -> the Debian package (bookworm or later) that brings it
PROGRAMS = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "arm-none-eabi-g++": "gcc-arm-none-eabi",
    "cmake": "cmake",
    "ninja": "ninja-build",
    "make": "make",
    "gcc": "gcc",
    "dpkg-source": "dpkg-dev",
}
# package -> a file of it: libraries leave no program
LIBRARIES = {
    "libc6-dev": "/usr/include/stdio.h",
    "libnewlib-arm-none-eabi": "/usr/lib/arm-none-eabi/newlib/thumb/v6-m/nofp/libc.a",
    "libstdc++-arm-none-eabi-newlib": "/usr/lib/arm-none-eabi/newlib/thumb/v6-m/nofp/libstdc++.a",
}
SOURCE_DATE_S = "1744675200"  # MicroPython 1.25.0, 15 April 2025: the same inputs give the same bytes on any day
KEPT_IMAGES = 12
BOARD_NAME = "VUZOL"  # of the folder that MicroPython's build sees


@dataclass(frozen=True)
class FirmwareImage:
    """A built image: uf2 for the boot loader, bin for a programmer or an emulator, elf for a debugger."""

    folder: Path

    @property
    def uf2(self) -> Path:
        return self.folder / "firmware.uf2"

    @property
    def binary(self) -> Path:
        return self.folder / "firmware.bin"

    @property
    def elf(self) -> Path:
        return self.folder / "firmware.elf"

    @property
    def exists(self) -> bool:
        return (self.folder / "image.json").is_file()


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vuzol" / "firmware"


def cached_image(board: str) -> FirmwareImage:
    """Where the image of the present source tree is, if it has been built: ask `.exists`. Raises UsageError."""
    return FirmwareImage(cache_folder() / input_hash(plan_image(board), debian_sources.PINS))


def build(board: str) -> FirmwareImage:
    """The image of the present source tree, from the cache if it is there. Raises UsageError, ImageTooBig."""
    plan = plan_image(board)
    image = cached_image(board)
    if image.exists:
        print(f"firmware: {board} is up to date")
    else:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with (cache_folder() / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two builds would unpack and compile in the same tree
            if not image.exists:
                _build_new(plan, image)
    print(f"firmware: image {check_budget(plan, image.binary.stat().st_size)}")
    print(f"firmware: {image.uf2}")
    return image


def _build_new(plan: ImagePlan, image: FirmwareImage) -> None:
    began = time.monotonic()

    def say(sentence: str) -> None:
        print(f"firmware: {time.monotonic() - began:4.0f} s  {sentence}", flush=True)

    need_toolchain(say)
    tree, versions = source_tree(plan, say)
    micropython, port = tree / "micropython", tree / "micropython" / "ports" / "rp2"
    board_folder = tree / "board" / BOARD_NAME
    configured = hashlib.sha256(config_header(plan).encode()).hexdigest()[:8]
    output = tree / f"build-{configured}"  # MicroPython's build does not notice every change of its configuration
    write_board_folder(plan, board_folder)
    environment = os.environ | {"SOURCE_DATE_EPOCH": SOURCE_DATE_S}
    if not (micropython / "mpy-cross" / "build" / "mpy-cross").is_file():
        say("building mpy-cross")
        run(["make", "-C", "mpy-cross", f"-j{os.cpu_count() or 1}"], micropython, environment, "mpy-cross")
    say("configuring")
    packages = {f"{name}_DIR": tree / "root" / "usr" / "lib" / "cmake" / name for name in ("pioasm", "picotool")}
    options = packages | {
        "MICROPY_BOARD": BOARD_NAME,
        "MICROPY_BOARD_DIR": board_folder,
        "MICROPY_FROZEN_MANIFEST": board_folder / "manifest.py",
        "PICO_BUILD_DOCS": 0,
    }
    flags = [f"-D{name}={value}" for name, value in options.items()]
    run(["cmake", "-G", "Ninja", "-S", str(port), "-B", str(output), *flags], tree, environment, "cmake")
    say("compiling, some two minutes when nothing is compiled yet")
    run(["ninja", "-C", str(output)], tree, environment, "the compiler")
    _keep(plan, image, output, versions, time.monotonic() - began)
    forget_old_images(cache_folder())
    say("done")


def source_tree(plan: ImagePlan, say: debian_sources.Say) -> tuple[Path, dict[str, str]]:
    """The unpacked sources, shared by all images of the same pins; a tree that was cut short is made again."""
    pins = hashlib.sha256("\n".join(debian_sources.PINS).encode()).hexdigest()[:8]
    tree = cache_folder() / "trees" / f"micropython-{plan.micropython}-{plan.board}-{pins}"
    noted = tree / "versions.json"
    if noted.is_file():
        versions: dict[str, str] = json.loads(noted.read_text())
        say(f"sources of MicroPython {versions['micropython']} are there")
        return tree, versions
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    debian = DebianTrixie(tree / "apt")
    say("reading Debian's package lists")
    debian.open()
    versions = debian.versions()
    if not versions["micropython"].startswith(plan.micropython + "+"):
        raise UsageError(f"board.toml wants MicroPython {plan.micropython}, Debian has {versions['micropython']}")
    say(
        f"downloading MicroPython {versions['micropython']}, pico-sdk {versions['pico-sdk-source']} and their libraries"
    )
    debian.download(versions, tree / "downloads")
    debian_sources.unpack(tree / "downloads", tree, say)
    shutil.rmtree(tree / "apt")
    noted.write_text(json.dumps(versions, indent=2))
    return tree, versions


def _keep(plan: ImagePlan, image: FirmwareImage, output: Path, versions: dict[str, str], took_s: float) -> None:
    """Into the cache, complete or not at all."""
    fresh = image.folder.with_suffix(f".{os.getpid()}")
    fresh.mkdir(parents=True)
    for suffix in ("uf2", "bin", "elf"):
        shutil.copyfile(output / f"firmware.{suffix}", fresh / f"firmware.{suffix}")
    size = (fresh / "firmware.bin").stat().st_size
    loaded = image_of_uf2((fresh / "firmware.uf2").read_bytes())
    if loaded[:size] != (fresh / "firmware.bin").read_bytes():
        raise UsageError("firmware.uf2 and firmware.bin differ; remove the cache and build again")
    told = {"board": plan.board, "image_bytes": size, "budget_bytes": plan.budget, "build_s": round(took_s)}
    (fresh / "image.json").write_text(json.dumps(told | {"versions": versions}, indent=2))
    shutil.rmtree(image.folder, ignore_errors=True)
    fresh.rename(image.folder)


def forget_old_images(cache: Path) -> None:
    """Every edit of the firmware makes an image of 6 MB; only the newest stay."""
    images = sorted(cache.glob("*/image.json"), key=lambda note: note.stat().st_mtime_ns)
    for note in images[:-KEPT_IMAGES]:
        shutil.rmtree(note.parent)


def missing_packages() -> list[str]:
    missing = {package for program, package in PROGRAMS.items() if shutil.which(program) is None}
    return sorted(missing | {package for package, path in LIBRARIES.items() if not Path(path).exists()})


def need_toolchain(say: debian_sources.Say) -> None:
    """Install what is missing, if this is root; otherwise raise UsageError with the line to type."""
    install(missing_packages(), "the toolchain", say)


def install(missing: Sequence[str], what: str, say: debian_sources.Say) -> None:
    """Debian packages that a build needs. Raises UsageError with the line to type if this is not root."""
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise UsageError(f"{what} is incomplete; type: sudo apt-get install {' '.join(missing)}")
    say(f"installing {' '.join(missing)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    apt_get = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]
    with contextlib.suppress(UsageError):  # one repository that does not answer; what is really missing, the next says
        run([*apt_get, "update"], Path("/"), environment, "Debian's package lists")
    run([*apt_get, "install", "-y", "--no-install-recommends", *missing], Path("/"), environment, what)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.firmware_image",
        description="Build the firmware image of a board from Debian's sources; some two minutes the first time.",
    )
    parser.add_argument("--board", required=True, help=f"one of: {', '.join(boards_with_image())}")
    parser.add_argument("--path", action="store_true", help="build nothing: print where the cached UF2 is, or fail")
    chosen = parser.parse_args(arguments)
    try:
        plan = plan_image(chosen.board)
        if plan.facts["firmware"].get("port") == "stm32":
            from tools import stm32_image  # it builds on this module

            image = stm32_image.stm32_image(plan) if chosen.path else stm32_image.build(plan)
            if chosen.path:
                print(image.elf)
            return DONE if image.exists else NO
        if chosen.path:
            image = cached_image(chosen.board)
            print(image.uf2)
            return DONE if image.exists else NO
        build(chosen.board)
    except ImageTooBig as fault:
        print(f"firmware: {fault}", file=sys.stderr)
        return NO
    except (UsageError, subprocess.SubprocessError) as fault:
        print(f"firmware: {fault}", file=sys.stderr)
        return WRONG_USE
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
