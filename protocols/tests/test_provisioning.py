"""The registry refuses what it cannot use, and keys do not reach a log."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.provisioning import NodeEntry, RegistryError, read_registry, registry_text, settings_dict

ENTRY = NodeEntry(
    node=bytes.fromhex("00000000000000a1"),
    key=bytes(range(32)),
    site="kryvyi-rih",
    kind="fare_validator",
    name="Тролейбус 017, двері 1",
    vehicle_id="017",
    vehicle=17,
)


def registry_with(**changes: Any) -> str:
    document = json.loads(registry_text([ENTRY]))
    row = document["nodes"][0]
    for name, value in changes.items():
        if value is None:
            del row[name]
        else:
            row[name] = value
    return json.dumps(document)


def test_a_registry_is_read_as_it_was_written() -> None:
    assert read_registry(registry_text([ENTRY])) == (ENTRY,)


def test_the_settings_of_a_node_hold_its_key_and_its_kind() -> None:
    settings = settings_dict(ENTRY, language="uk", uplink={"transport": "mqtt"}, config={"vehicle": 17})
    assert settings["key"] == ENTRY.key.hex()
    assert settings["kind"] == "fare_validator"
    assert settings["config"] == {"vehicle": 17}


REFUSED = [
    ({"key": "00"}, "key is 64"),
    ({"node": "a1"}, "node is 16"),
    ({"site": "Кривий Ріг"}, "site is a-z"),
    ({"kind": "toaster"}, "no node kind 'toaster'"),
    ({"vehicle": "17"}, "vehicle must be a number"),
    ({"width": True}, "width must be a number"),
    ({"name": None}, "lacks name"),
    ({"colour": "red"}, "unknown fields: colour"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_a_bad_entry_is_refused_by_number_and_reason(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RegistryError, match=f"node 1.*{message}"):
        read_registry(registry_with(**change))


def test_a_node_that_stands_twice_is_refused() -> None:
    with pytest.raises(RegistryError, match="00000000000000a1 stands twice"):
        read_registry(registry_text([ENTRY, ENTRY]))


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_whatever_a_file_holds_the_registry_is_read_or_refused(text: str) -> None:
    with pytest.raises(RegistryError):
        read_registry(text)


def test_a_key_does_not_reach_a_log_by_a_repr() -> None:
    assert ENTRY.key.hex() not in repr(ENTRY)
    assert "00000000000000a1" in repr(ENTRY)
