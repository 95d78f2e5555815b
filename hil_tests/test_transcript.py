"""A test that fails says which wire and which byte: proven by one that has to fail."""

import subprocess
import sys
from pathlib import Path

import pytest

from hil_tests.target import Target

ROOT = Path(__file__).parents[1]
HAS_TO_FAIL = """
import pytest

@pytest.mark.needs("cards", "light")
def test_of_a_light_that_no_validator_has(desk):
    validator = desk.validator()
    validator.present("bank", uid=bytes.fromhex("5c010203"))
    validator.wait_light("green", 10)
    assert validator.light() == "magenta"
"""


@pytest.mark.needs("cards", "light")
def test_a_failing_test_shows_the_last_second_of_the_buses(target: Target, tmp_path: Path) -> None:
    (tmp_path / "test_fails.py").write_text(HAS_TO_FAIL)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "hil_tests.conftest",
        "--rootdir",
        str(ROOT),
        "-c",
        "pyproject.toml",
    ]
    told = subprocess.run(
        [*command, "--target", target.name, "--import-mode=importlib", str(tmp_path / "test_fails.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1, told.stdout + told.stderr
    assert "buses of node 0, the last second" in told.stdout
    asked, answered = "d4 4a 01 00", "d5 4b 01 01"  # InListPassiveTarget and its answer, UM0701-02, section 7.3.5
    lines = told.stdout.splitlines()
    assert any(" 0x24 " in line and ">" in line and asked in line for line in lines)
    assert any(" 0x24 " in line and "<" in line and f"{answered} 00" in line for line in lines)
    assert any("5c 01 02 03" in line for line in lines)
