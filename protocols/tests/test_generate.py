"""The generator refuses what a device could not check, and its output is what is checked in."""

import shutil
import subprocess
import sys
from pathlib import Path

import construct
import pytest

from protocols.generate import Unsupported, codec_source, messages
from protocols.schema.message import Message
from protocols.wire.node_kinds import COMMON_RECORDS, NODE_KINDS

ROOT = Path(__file__).parents[2]


def message(*fields: construct.Construct) -> Message:
    return Message("probe", 1, 1, "up", construct.Struct(*fields), "A probe.")


REFUSED = {
    "a length that another field gives": ["n" / construct.Int8ub, "rest" / construct.Bytes(construct.this.n)],
    "little-endian integers": ["n" / construct.Int16ul],
    "floating point": ["n" / construct.Float32b],
    "a tail before the end": [
        "tail" / construct.Prefixed(construct.Int8ub, construct.GreedyBytes),
        "n" / construct.Int8ub,
    ],
    "a nested structure": ["inner" / construct.Struct("n" / construct.Int8ub)],
    "an array of bytes fields": ["items" / construct.Array(2, construct.Bytes(3))],
    "a nameless field": [construct.Padding(2)],
}


@pytest.mark.parametrize("fields", REFUSED.values(), ids=REFUSED.keys())
def test_the_generator_refuses_by_name(fields: list[construct.Construct]) -> None:
    with pytest.raises(Unsupported, match="probe"):
        codec_source(message(*fields))


def test_what_is_checked_in_is_what_the_schema_says(tmp_path: Path) -> None:
    copy = tmp_path / "protocols"
    shutil.copytree(ROOT / "protocols", copy)

    def check() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "protocols.generate", "--check"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert check().returncode == 0
    (copy / "wire" / "messages" / "tap.py").write_text("stale = True\n", encoding="utf-8")
    done = check()
    assert done.returncode == 1
    assert "tap.py is not what the schema says" in done.stdout


def test_every_kind_byte_is_used_once() -> None:
    numbers = [m.kind for m in messages() if m.direction != "row"]
    assert len(numbers) == len(set(numbers))
    assert all(1 <= m.kind <= 0x7F for m in messages() if m.direction == "up")
    assert all(0x80 <= m.kind <= 0xFD for m in messages() if m.direction == "down")


def test_the_list_of_node_kinds_names_every_message() -> None:
    listed = set(COMMON_RECORDS)
    for _, _, records, commands in NODE_KINDS:
        listed |= {*records, *commands}
    assert listed == {m.name for m in messages() if m.direction != "row"}
