"""MicroPython's sources from Debian trixie, fetched beside the machine's own packages and without touching them.
It must never install anything, nor know what a board is.
Specification: apt.conf(5), Dir::State and Dir::Etc; dpkg-source(1).
"""

import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tools.errors import UsageError

MIRROR = "http://deb.debian.org/debian"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# package -> how its version has to begin. Security updates of the libraries within a release are welcome.
SOURCES = {"micropython": "1.25.0+", "mbedtls": "3.6.", "lwip": "2.2.1+"}
BINARIES = {
    "pico-sdk-source": "2.1.1-",
    "tinyusb-source": "0.18.0+",
    "pioasm": "2.1.1-",
    "picotool": "2.1.1+",
    # the C library that trixie's pioasm and picotool were linked with
    "libc6": "2.41-",
    "libgcc-s1": "14.2.",
    "libstdc++6": "14.2.",
    "libusb-1.0-0": "2:1.0.",
    "libudev1": "257.",
    "libcap2": "1:2.75-",
}
PINS = [f"{name}={version}*" for name, version in (SOURCES | BINARIES).items()]

Say = Callable[[str], None]


class DebianTrixie:
    """A private apt: lists, archives and status of its own under `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = folder / "apt.conf"

    def open(self) -> None:
        """Download the lists of what there is. Raises UsageError."""
        if platform.machine() != "x86_64":
            raise UsageError(f"this build runs Debian's amd64 programs, and this machine is {platform.machine()}")
        if not KEYRING.is_file():
            raise UsageError(
                f"{KEYRING} is missing: this build needs Debian; type: sudo apt-get install debian-archive-keyring"
            )
        for name in ("lists/partial", "archives/partial", "parts"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "status").write_bytes(b"")
        origin = f"[signed-by={KEYRING}] {MIRROR} trixie main"
        (self._folder / "sources.list").write_text(f"deb {origin}\ndeb-src {origin}\n")
        self._config.write_text(apt_config(self._folder))
        run(["apt-get", "update", "-q"], self._folder, self._environment(), "Debian's package lists")

    def versions(self) -> dict[str, str]:
        """package -> the version that there is. Raises UsageError for one that this build was not made for."""
        found = {name: self._ask("apt-cache", "show", "--no-all-versions", name) for name in BINARIES}
        found |= {name: self._ask("apt-cache", "showsrc", "--only-source", name) for name in SOURCES}
        versions = {name: newest_version(answer) for name, answer in found.items()}
        check_versions(versions)
        return versions

    def download(self, versions: dict[str, str], folder: Path) -> None:
        """Source packages and archives, into `folder`; apt checks their signatures."""
        folder.mkdir(parents=True, exist_ok=True)
        sources = [f"{name}={versions[name]}" for name in SOURCES]
        binaries = [f"{name}={versions[name]}" for name in BINARIES]
        run(["apt-get", "source", "-q", "--download-only", *sources], folder, self._environment(), "the sources")
        run(["apt-get", "download", "-q", *binaries], folder, self._environment(), "the SDK and its tools")

    def _ask(self, *command: str) -> str:
        return run(list(command), self._folder, self._environment(), command[-1])

    def _environment(self) -> dict[str, str]:
        return os.environ | {"APT_CONFIG": str(self._config), "LC_ALL": "C.UTF-8"}


def apt_config(folder: Path) -> str:
    """Everything that apt reads or writes, moved below `folder`; the machine's proxy settings still hold."""
    places = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": folder / "parts",
        "Dir::Etc::preferences": folder / "preferences",
        "Dir::Etc::preferencesparts": folder / "parts",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::State::extended_states": folder / "extended_states",
        "Dir::Cache": folder,
        "Dir::Cache::archives": folder / "archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Dir::Log": folder,
        "APT::Architecture": "amd64",  # of the build machine: pioasm and picotool run there
        "APT::Sandbox::User": "root",  # the user _apt may not enter a home folder
        "Acquire::Retries": "3",
    }
    return "".join(f'{name} "{value}";\n' for name, value in places.items())


def newest_version(answer: str) -> str:
    """Of what apt-cache shows of one package."""
    lines = [line.partition(":")[2].strip() for line in answer.splitlines() if line.startswith("Version:")]
    return lines[0] if lines else ""


def check_versions(versions: dict[str, str]) -> None:
    """Raises UsageError, naming every package that this build was not made for."""
    wrong = [
        f"{name} {versions.get(name) or 'is missing'} (wanted {wanted}*)"
        for name, wanted in (SOURCES | BINARIES).items()
        if not versions.get(name, "").startswith(wanted)
    ]
    if wrong:
        raise UsageError(f"Debian trixie has other versions than this build is pinned to: {', '.join(wrong)}")


def unpack(downloads: Path, tree: Path, say: Say) -> None:
    """MicroPython with its libraries in `tree`/micropython, trixie's tools in `tree`/root."""
    root, micropython = tree / "root", tree / "micropython"
    for archive in sorted(downloads.glob("*.deb")):
        run(["dpkg-deb", "-x", str(archive), str(root)], tree, dict(os.environ), archive.name)
    for name, place in (("micropython", micropython), ("mbedtls", tree / "mbedtls"), ("lwip", tree / "lwip")):
        (described,) = downloads.glob(f"{name}_*.dsc")
        run(["dpkg-source", "--no-check", "-x", str(described), str(place)], tree, dict(os.environ), described.name)
        say(f"unpacked {described.stem}")
    libraries = micropython / "lib"
    origins = {"pico-sdk": root / "usr/src/pico-sdk", "tinyusb": root / "usr/src/tinyusb"}
    for name, origin in (origins | {"mbedtls": tree / "mbedtls", "lwip": tree / "lwip"}).items():
        shutil.rmtree(libraries / name, ignore_errors=True)
        shutil.move(origin, libraries / name)
    link = libraries / "pico-sdk" / "lib" / "tinyusb"
    link.unlink(missing_ok=True)
    link.symlink_to("../../tinyusb")
    for name in ("pico-sdk", "micropython-lib"):  # their absence tells the build of a missing git submodule
        (libraries / name / "README.md").touch()
    for name in ("pioasm", "picotool"):
        wrap_program(root, name)


def wrap_program(root: Path, name: str) -> None:
    """Trixie's program, run with trixie's C library, under its own name."""
    program = root / "usr/bin" / name
    real = program.with_suffix(".trixie")
    if not real.exists():
        program.rename(real)
    libraries = root / "usr/lib/x86_64-linux-gnu"
    loader = libraries / "ld-linux-x86-64.so.2"
    program.write_text(f'#!/bin/sh\nexec "{loader}" --library-path "{libraries}" "{real}" "$@"\n')
    program.chmod(0o755)


def run(command: list[str], folder: Path, environment: dict[str, str], what: str) -> str:
    """Its standard output. Raises UsageError with the end of what it said."""
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UsageError(f"{command[0]} is missing: this build needs Debian's tools") from None
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise UsageError(f"{what}: {' '.join(command[:2])} failed with status {done.returncode}:\n{said}")
    return done.stdout
