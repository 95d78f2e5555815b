"""The frozen file system on real MicroPython: fonts are found by the relative paths that frozen modules have.

It must never need a board.
Specification: boards/rpi_pico/frozen_files.py; MicroPython's `vfs` documentation.
"""

import subprocess
from pathlib import Path

from emulation.unix.micropython import find_micropython

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import os, vfs
from boards.rpi_pico.frozen_files import FrozenFiles
vfs.mount(FrozenFiles({"a.bin": b"glyphs of a"}), "/firmware/fonts", readonly=True)
os.chdir("/")
def refused(path, mode):
    try:
        open(path, mode)
    except OSError as error:
        return error.errno
stream = open("/firmware/fonts/a.bin", "rb")
stream.seek(10)
cell = bytearray(1)
stream.readinto(cell)
print(cell, os.stat("/firmware/fonts/a.bin")[6], os.listdir("/firmware/fonts"))
print(refused("/firmware/fonts/b.bin", "rb"), refused("/firmware/fonts/a.bin", "wb"))
"""


def test_a_frozen_file_is_read_in_place_and_cannot_be_written() -> None:
    done = subprocess.run(
        [str(find_micropython()), "-c", SCRIPT],
        env={"MICROPYPATH": f"{ROOT}:.frozen"}, capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["bytearray(b'a') 11 ['a.bin']", "2 30"]
