"""A release's file that was cut short or spoilt on its way is refused with a sentence, wherever it was hit.

Never needs a node: what it refuses is tested in firmware/tests and hil_tests.
Specification: protocols/release.py.
"""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols import release
from protocols.release import ReleaseFault

FILES = {"firmware/one.mpy": b"one" * 3000, "firmware/two.mpy": bytes(range(256)) * 9}


def packed() -> bytes:
    built = release.build(
        FILES, board="unix", kinds=["fare_validator"], counter=7, image=1, firmware=(0, 2, 0), text="for a test"
    )
    return release.sign(built, Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)).pack()


def test_a_whole_release_gives_its_files_back() -> None:
    found = release.read(packed())
    assert found.is_authentic
    assert found.files() == FILES


def test_a_release_that_was_cut_short_anywhere_is_refused() -> None:
    whole = packed()
    for size in range(len(whole)):
        with pytest.raises(ReleaseFault):
            release.read(whole[:size]).files()


def test_a_release_with_a_spoilt_byte_is_refused_or_not_believed() -> None:
    whole = packed()
    for at in range(len(whole)):
        try:
            found = release.read(whole[:at] + bytes((whole[at] ^ 0x55,)) + whole[at + 1 :])
            found.files()
        except ReleaseFault:
            continue
        assert not found.is_authentic or found == release.read(whole)
