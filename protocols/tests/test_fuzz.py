"""Hostile bytes against every parser: whatever hypothesis thinks of here, and the same damage on both interpreters.

Never lets anything be raised but a refusal.
Specification: protocol.md, guarantee G9; fuzz_targets.py names the parsers, `make fuzz` goes on for longer.
"""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.tests import fuzz_host_targets, fuzz_targets
from protocols.tests.test_vectors import ROOT, micropython

RUNNER = ROOT / "protocols" / "tests" / "run_fuzz.py"
HEAP = "384k"  # a node's: memory that grows with hostile bytes would not fit


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A whole input in which a piece is replaced by any other."""
    data = draw(st.sampled_from(seeds))
    first, last = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
    return data[:first] + draw(st.binary(max_size=80)) + data[last:]


ALL = [*fuzz_targets.TARGETS, *fuzz_host_targets.TARGETS]


@pytest.mark.parametrize(("_name", "target", "seeds"), ALL, ids=[name for name, _, _ in ALL])
def test_any_bytes_are_read_or_refused(_name: str, target: Callable[[bytes], Any], seeds: tuple[bytes, ...]) -> None:
    @given(st.binary(max_size=600) | damaged(seeds))
    def survives(data: bytes) -> None:
        fuzz_targets.outcome(target, data)

    survives()


def run(command: list[str], **environment: str) -> list[str]:
    done = subprocess.run(
        [*command, str(RUNNER)], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    return done.stdout.splitlines()


def test_both_interpreters_make_the_same_of_the_same_damage() -> None:
    here = run([sys.executable], PYTHONPATH=str(ROOT))
    there = run([micropython(), "-X", f"heapsize={HEAP}"], MICROPYPATH=f"{ROOT}:.frozen")
    assert len(here) >= 3 * len(fuzz_targets.TARGETS)
    assert here == there


def test_a_parser_that_raises_something_else_is_found() -> None:
    def careless(data: bytes) -> int:
        return data[7]

    with pytest.raises(IndexError):
        fuzz_targets.outcome(careless, b"short")
