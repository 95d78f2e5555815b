"""What the settings file may hold, and the sentence for each thing that is wrong with it.

It must never print a key, not even a wrong one.
Spec: firmware/settings.py; protocols/README.md, "Provisioning".
"""

import json

from firmware import settings
from protocols.tests.dice import Dice

PATH = "settings.json"
CONFIG = (
    ("vehicle", settings.whole(0, 99), None),
    ("city_key", settings.key, None),
    ("repeat_s", settings.whole(0, 60), 4),
)
GOOD = {
    "version": 1,
    "node": "00000000000000a1",
    "key": "5e" * 32,
    "site": "demo",
    "kind": "fare_validator",
    "language": "uk",
    "uplink": {"transport": "mqtt", "host": "127.0.0.1", "port": 1883},
    "config": {"vehicle": 17, "city_key": "11" * 32},
}


def read(data):
    with open(PATH, "wb") as file:
        file.write(data)
    return settings.read(PATH, lambda _kind: CONFIG)


def changed(path, value):
    document = json.loads(json.dumps(GOOD))
    place = document
    for name in path.split(".")[:-1]:
        place = place[name]
    place[path.split(".")[-1]] = value
    return json.dumps(document).encode()


def fault_of(action):
    try:
        action()
    except settings.SettingsFault as found:
        return found
    raise AssertionError("nothing was found wrong")


def fault(data):
    sentence = fault_of(lambda: read(data)).sentence
    assert "5e5e" not in sentence
    return sentence


def test_a_good_file_gives_everything_the_node_needs():
    found = read(json.dumps(GOOD).encode())
    assert found.node == b"\0\0\0\0\0\0\0\xa1"
    assert (found.key, found.site, found.kind, found.language) == (b"\x5e" * 32, "demo", "fare_validator", "uk")
    open_ = {"tls": False, "ca": "", "cert": "", "key": "", "server_name": ""}
    assert found.uplink == dict({"transport": "mqtt", "host": "127.0.0.1", "port": 1883}, **open_)
    assert found.journal_epoch == 0
    assert found.config == {"vehicle": 17, "city_key": b"\x11" * 32, "repeat_s": 4}


def test_a_node_without_a_broker_is_a_slave_on_a_line_or_a_port():
    for uplink, whole in (
        ({"transport": "modbus_rtu", "unit": 7}, {"unit": 7, "baud": 115_200, "parity": "none"}),
        ({"transport": "modbus_rtu", "unit": 247, "baud": 1200, "parity": "odd"}, {}),
        ({"transport": "modbus_tcp", "unit": 1}, {"unit": 1, "host": "127.0.0.1", "port": 502}),
    ):
        found = read(changed("uplink", uplink)).uplink
        expected = dict(uplink)
        expected.update(whole)
        assert found == expected
    for uplink, sentence in (
        ({"transport": "modbus_rtu"}, "uplink.unit must be a whole number from 1 to 247"),
        ({"transport": "modbus_tcp", "unit": 248}, "uplink.unit must be a whole number from 1 to 247"),
        ({"transport": "modbus_rtu", "unit": 1, "baud": 9600.0}, "uplink.baud must be a whole number"),
        ({"transport": "modbus_rtu", "unit": 1, "parity": "mark"}, "uplink.parity must be one of none, even, odd"),
    ):
        assert sentence in fault(changed("uplink", uplink))


def test_a_missing_file_is_a_sentence():
    found = fault_of(lambda: settings.read("nowhere.json", lambda _kind: CONFIG))
    assert found.sentence == "nowhere.json is missing: write the settings of this node"


def test_what_is_no_json_is_a_sentence():
    for data in (b"", b"{", b"\xff\xfe\x00", b"null", b"[]", b'"x"', b"{" * 5000):
        assert "write the settings of this node anew" in fault(data)


def test_a_file_of_any_length_costs_bounded_memory():
    assert "longer than" in fault(b" " * 20_000)


def test_a_damaged_file_is_read_or_refused_in_one_sentence_without_the_key():
    dice = Dice(9)
    refused, told = 0, []
    for _ in range(500):
        try:
            read(dice.damaged(json.dumps(GOOD).encode()))
        except settings.SettingsFault as found:
            refused += 1
            if "5e5e" in found.sentence or "\n" in found.sentence:
                told.append(found.sentence)
    assert 250 < refused < 500
    assert told == []


def test_each_wrong_field_is_named():
    for path, value, sentence in (
        ("version", 2, "version must be 1"),
        ("node", "a1", "node must be 16 hexadecimal digits"),
        ("node", 161, "node must be 16 hexadecimal digits"),
        ("site", "Крива Гора", "site a-z, 0-9, -"),
        ("key", "5e" * 31, "key must be 64 hexadecimal digits"),
        ("key", None, "key must be 64 hexadecimal digits"),
        ("key", "5e" * 31 + "zz", "key must be 64 hexadecimal digits"),
        ("kind", "toaster", "kind must be one that this firmware has"),
        ("language", "xx", "language must be one of uk, en"),
        ("uplink", None, "uplink must be an object"),
        ("uplink.transport", "pigeon", "uplink.transport must be one of modbus_rtu, modbus_tcp, mqtt"),
        ("uplink.host", 7, "uplink.host must be text"),
        ("uplink.port", 0, "uplink.port must be a whole number from 1 to 65535"),
        ("uplink.tls", 1, "uplink.tls must be true or false"),
        ("uplink.ca", [], "uplink.ca must be text"),
        ("journal_epoch", 4096, "journal_epoch must be a whole number from 0 to 4095"),
        ("config", [], "config must be an object"),
        ("config.vehicle", -1, "config.vehicle must be a whole number from 0 to 99"),
        ("config.vehicle", True, "config.vehicle must be a whole number from 0 to 99"),
        ("config.city_key", "", "config.city_key must be 64 hexadecimal digits"),
    ):
        found = fault(changed(path, value))
        assert sentence in found, (path, found)


def test_a_fault_keeps_what_could_be_read_for_the_glass():
    found = fault_of(lambda: read(changed("key", "short")))
    assert found.known["kind"] == "fare_validator"


def test_publishers_are_a_few_public_keys_and_none_unless_they_are_given():
    assert (read(json.dumps(GOOD).encode()).publishers, read(json.dumps(GOOD).encode()).revoked) == ([], [])
    found = read(changed("publishers", ["22" * 32, "33" * 32]))
    assert found.publishers == [b"\x22" * 32, b"\x33" * 32]
    assert read(changed("revoked_publishers", ["44" * 32])).revoked == [b"\x44" * 32]
    for wrong in ("22" * 32, ["22" * 31], ["22" * 32] * 5, [1]):
        assert "publishers must be" in fault(changed("publishers", wrong))
