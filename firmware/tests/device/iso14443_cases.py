"""What kind of medium a target is: by SAK, UID and the answer to one SELECT.

It must never hold the number of a card: the answers here are the directory alone.
Spec: firmware/drivers/iso14443.py.
"""

from firmware.drivers import iso14443
from firmware.drivers.pn532 import Target


def target(uid="deadbeef", sak=0x20):
    return Target(1, bytes(int(uid[at : at + 2], 16) for at in range(0, len(uid), 2)), sak, 0x0004, b"")


def fci(rest=b"\xa5\x00", name=iso14443.PPSE, length=None):
    body = bytes((0x84, len(name))) + name + rest
    return b"\x6f" + (bytes((len(body),)) if length is None else length) + body + b"\x90\x00"


def test_the_sak_tells_the_medium():
    for sak, medium in (
        (0x08, iso14443.CLASSIC),
        (0x18, iso14443.CLASSIC),
        (0x09, iso14443.CLASSIC),
        (0x88, iso14443.CLASSIC),
        (0x00, iso14443.ULTRALIGHT),
        (0x20, iso14443.ISO_DEP),
        (0x28, iso14443.ISO_DEP),
        (0x38, iso14443.ISO_DEP),
        (0x60, iso14443.ISO_DEP),
        (0x01, iso14443.UNKNOWN),
        (0x40, iso14443.UNKNOWN),
    ):
        assert iso14443.medium(target(sak=sak)) == medium, sak


def test_four_bytes_that_begin_with_08_are_another_uid_each_time():
    assert iso14443.uid_is_random(target("08a1b2c3"))


def test_a_long_uid_that_begins_with_08_is_fixed():
    assert not iso14443.uid_is_random(target("08a1b2c3d4e5f6"))
    assert not iso14443.uid_is_random(target("08a1b2c3d4e5f6a7b8c9"))


def test_other_short_uids_are_fixed():
    assert not iso14443.uid_is_random(target("04a1b2c3"))


def test_the_select_is_the_published_one():
    assert iso14443.SELECT_PPSE == b"\x00\xa4\x04\x00\x0e2PAY.SYS.DDF01\x00"


def test_the_payment_directory_is_a_bank_medium():
    assert iso14443.is_bank_medium(fci())
    assert iso14443.is_bank_medium(fci(rest=b"\xa5" + bytes(200), length=b"\x81\xd9"))


def test_anything_else_is_not():
    for answer in (
        b"",
        b"\x90\x00",
        b"\x6a\x82",
        b"\x6f\x90\x00",
        b"\x6f\x81\x90\x00",
        fci(name=b"1PAY.SYS.DDF01"),
        fci(name=b"2PAY"),
        fci()[:-2],
        fci()[:-2] + b"\x62\x83",
        fci()[1:],
    ):
        assert not iso14443.is_bank_medium(answer), answer
