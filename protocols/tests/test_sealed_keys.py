"""A sealed key opens for its own node under its own master key, and for nobody else, damaged or not.

Specification: protocols/sealed_keys.py.
"""

import pytest

from protocols.provisioning import NodeEntry, RegistryError, read_registry, registry_text
from protocols.sealed_keys import SealBroken, is_sealed, master_text, new_master, read_masters, seal, unseal

NODE, OTHER = bytes.fromhex("00000000000000a1"), bytes.fromhex("00000000000000a2")
KEY = bytes(range(32))
MASTER = new_master()


def test_what_was_sealed_opens_also_after_the_master_key_was_replaced() -> None:
    sealed = seal(MASTER, NODE, KEY)
    assert is_sealed(sealed)
    assert KEY.hex() not in sealed
    assert sealed != seal(MASTER, NODE, KEY)
    assert unseal(read_masters(master_text([new_master(), MASTER])), NODE, sealed) == KEY


def test_it_opens_neither_for_another_node_nor_under_another_master_key() -> None:
    sealed = seal(MASTER, NODE, KEY)
    with pytest.raises(SealBroken, match="another node's"):
        unseal([MASTER], OTHER, sealed)
    with pytest.raises(SealBroken, match="which is not here"):
        unseal([new_master()], NODE, sealed)


def test_every_damaged_character_is_noticed() -> None:
    sealed = seal(MASTER, NODE, KEY)
    for at in range(len("v1:"), len(sealed)):
        broken = sealed[:at] + ("0" if sealed[at] != "0" else "1") + sealed[at + 1 :]
        with pytest.raises(SealBroken):
            unseal([MASTER], NODE, broken)
        with pytest.raises(SealBroken):
            unseal([MASTER], NODE, sealed[:at])


def test_a_sealed_registry_says_which_entry_does_not_open() -> None:
    entry = NodeEntry(NODE, KEY, "demo", "fare_validator", "Bus 17")
    text = registry_text([entry], MASTER)
    assert read_registry(text, [MASTER]) == (entry,)
    with pytest.raises(RegistryError, match="node 1: its key is sealed under the master key"):
        read_registry(text)


@pytest.mark.parametrize("text", ["", "\n", "00", "not hexadecimal", "00" * 32 + "\n" + "00" * 31])
def test_what_is_no_master_key_is_refused(text: str) -> None:
    with pytest.raises(SealBroken, match="64 hexadecimal digits"):
        read_masters(text)
