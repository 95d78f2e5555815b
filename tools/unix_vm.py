"""Builds MicroPython's unix port from Debian's sources: the level that all boards are pinned to, as a program.
It must never be needed to run a node: the package from PyPI is the quick start, this is the second opinion.
Specification: boards/README.md, "The image"; MicroPython's ports/unix/README.md.

    python -m tools.unix_vm                       64 bits; prints the path, for VUZOL_MICROPYTHON
    python -m tools.unix_vm --bits 32 --frozen    objects as large as on a microcontroller, and our modules no part
                                                  of the heap: what a node's memory is there

Without TLS, btree and ffi, which would need libraries of the machine: a node of the board unix uses none of them.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import debian_sources
from tools.debian_sources import run
from tools.errors import DONE, NO, WRONG_USE, UsageError
from tools.firmware_image import cache_folder, install, source_tree
from tools.image_plan import ROOT, device_modules, plan_image

IMAGE_BOARD = "rpi_pico"  # one tree of sources serves its image and this program
OPTIONS = ("VARIANT=standard", "MICROPY_PY_SSL=0", "MICROPY_SSL_MBEDTLS=0", "MICROPY_PY_BTREE=0", "MICROPY_PY_FFI=0")
MULTILIB = Path("/usr/lib/gcc/x86_64-linux-gnu")  # /<version>/32 is there when gcc can build for 32 bits
BITS = (64, 32)
FONTS = "firmware/fonts/__init__.py"  # looks for files beside itself, and a frozen module does not know where that is
KEPT = 8  # programs: with our modules frozen in, every edit of the firmware makes another


@dataclass(frozen=True)
class UnixVm:
    """One build. With `frozen` modules the path `.frozen` has to stand before the repository's."""

    bits: int = 64
    frozen: bool = False

    @property
    def manifest(self) -> str:
        modules = [path.relative_to(ROOT).as_posix() for path in device_modules("unix")] if self.frozen else []
        lines = [f'freeze("{"." if name == FONTS else ROOT}", "{name}")' for name in modules]
        return "\n".join(['include("$(MPY_DIR)/extmod/asyncio")', *lines, ""])

    @property
    def program(self) -> Path:
        """Where it is once it has been built."""
        digest = hashlib.sha256("\n".join((*OPTIONS, self.manifest, *debian_sources.PINS)).encode())
        for path in device_modules("unix") if self.frozen else ():
            digest.update(path.read_bytes())
        return cache_folder().parent / "unix" / digest.hexdigest()[:16] / f"micropython-{self.bits}"


def build(bits: int, frozen: bool = False) -> Path:
    """The program, from the cache if it is there; half a minute once the sources are. Raises UsageError."""
    vm = UnixVm(bits, frozen)
    program = vm.program
    if not program.is_file():
        cache_folder().mkdir(parents=True, exist_ok=True)
        with (cache_folder() / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two builds would unpack and compile in the same tree
            if not program.is_file():
                _build_new(vm, program)
    return program


def _build_new(vm: UnixVm, program: Path) -> None:
    began = time.monotonic()

    def say(sentence: str) -> None:
        print(f"unix_vm: {time.monotonic() - began:4.0f} s  {sentence}", file=sys.stderr, flush=True)

    need_compiler(vm.bits, say)
    tree, _ = source_tree(plan_image(IMAGE_BOARD), say)
    micropython, output = tree / "micropython", tree / f"unix-{vm.bits}"
    manifest = tree / "unix-manifest.py"
    manifest.write_text(vm.manifest)
    placed = tree / FONTS
    placed.parent.mkdir(parents=True, exist_ok=True)
    placed.write_text(f"__file__ = {str(ROOT / FONTS)!r}\n{(ROOT / FONTS).read_text()}")
    jobs = f"-j{os.cpu_count() or 1}"
    environment = dict(os.environ)
    run(["make", "-C", "mpy-cross", jobs], micropython, environment, "mpy-cross")
    say(f"compiling for {vm.bits} bits, half a minute when nothing is compiled yet")
    chosen = [f"BUILD={output}", f"FROZEN_MANIFEST={manifest}", f"MICROPY_FORCE_32BIT={int(vm.bits == 32)}"]
    run(["make", jobs, *OPTIONS, *chosen], micropython / "ports" / "unix", environment, "the compiler")
    program.parent.mkdir(parents=True, exist_ok=True)
    fresh = program.with_suffix(f".{os.getpid()}")
    shutil.copy(output / "micropython", fresh)
    fresh.rename(program)
    for old in sorted(program.parent.parent.iterdir(), key=lambda folder: folder.stat().st_mtime_ns)[:-KEPT]:
        shutil.rmtree(old)
    say("done")


def need_compiler(bits: int, say: debian_sources.Say) -> None:
    """Install what is missing, if this is root; otherwise raise UsageError with the line to type."""
    programs = {"gcc": "gcc", "make": "make", "dpkg-source": "dpkg-dev"}
    missing = sorted({package for name, package in programs.items() if shutil.which(name) is None})
    if bits == 32 and not any(MULTILIB.glob("*/32/libgcc.a")):
        missing.append("gcc-multilib")
    install(missing, "the compiler", say)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.unix_vm",
        description="Build MicroPython 1.25.0's unix port from Debian's sources and print where it is.",
    )
    parser.add_argument("--bits", type=int, choices=BITS, default=64)
    parser.add_argument("--frozen", action="store_true", help="with the firmware frozen in, as on a board")
    parser.add_argument("--path", action="store_true", help="build nothing: print where it would be, or fail")
    chosen = parser.parse_args(arguments)
    program = UnixVm(chosen.bits, chosen.frozen).program
    try:
        if not chosen.path:
            build(chosen.bits, chosen.frozen)
    except (UsageError, subprocess.SubprocessError) as fault:
        print(f"unix_vm: {fault}", file=sys.stderr)
        return WRONG_USE
    print(program)
    return DONE if program.is_file() else NO


if __name__ == "__main__":
    raise SystemExit(main())
