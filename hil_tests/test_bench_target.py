"""The target `bench`: the suite on a serial port; here an emulated board's, which it cannot tell from a real one."""

import os
import pty
import subprocess
import sys
import tty
from contextlib import closing
from pathlib import Path

import pytest

from emulation.launch import start
from hil_tests.target import Desk

ROOT = Path(__file__).parents[1]


@pytest.mark.needs("silicon")
@pytest.mark.timeout(600)
def test_a_bench_runs_what_needs_no_person_and_says_what_its_owner_has_to_do(desk: Desk, tmp_path: Path) -> None:
    from emulation.rp2040.lane import Rp2040Node  # its emulator is a package of the tests

    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with closing(os.fdopen(ours, "r+b", buffering=0)), closing(os.fdopen(theirs, "r+b", buffering=0)):
        settings = desk.settings("fare_validator", door=3)
        with start(desk.target.board, "fare_validator", settings, tmp_path / "board") as board:
            lane = board._node
            assert isinstance(lane, Rp2040Node)
            lane.connect_console(ours)
            lane.keep_pace()
            tests = ["hil_tests/test_faults.py", "hil_tests/test_cards.py"]
            told = subprocess.run(
                [sys.executable, "-m", "pytest", *tests, "--target", f"bench:{os.ttyname(theirs)}", "--timeout", "500"],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            lane.repl.enter(20)
            kept = lane.repl.execute("print(open('/settings.json').read())")
    assert told.returncode == 0, told.stdout + told.stderr
    assert " 4 passed, " in told.stdout
    assert "bench has no 'cards': hold each of your cards to the reader yourself" in told.stdout
    assert '"door": 3' in kept
