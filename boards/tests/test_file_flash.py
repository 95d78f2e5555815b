"""The simulated board's documents partition: a file that behaves like NOR flash, on real MicroPython.

It must never know what is stored.
Specification: boards/unix/file_flash.py.
"""

import os
import subprocess
from pathlib import Path

from emulation.unix.micropython import find_micropython

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
from boards.unix.file_flash import FileFlash
flash, page = FileFlash("documents.flash", 65536), bytearray(256)
def reads(block, offset):
    flash.readblocks(block, page, offset)
    return set(page)
assert flash.ioctl(4, 0) == 16
assert reads(3, 512) == {0xFF}, "what was never written is blank"
flash.writeblocks(3, b"\\x0f" * 256, 512)
flash.writeblocks(3, b"\\xf3" * 256, 512)
assert reads(3, 512) == {0x03}, "bits only fall"
assert reads(0, 0) == reads(3, 256) == reads(3, 768) == {0xFF}
again = FileFlash("documents.flash", 65536)
again.ioctl(6, 3)
assert reads(3, 512) == {0xFF}, "an erase makes it blank"
"""


def test_a_file_behaves_like_flash_and_takes_room_only_as_far_as_it_was_written(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(find_micropython()), "-c", SCRIPT],
        cwd=tmp_path,
        env={**os.environ, "MICROPYPATH": f"{ROOT}:.frozen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "documents.flash").stat().st_size == 4 * 4096
