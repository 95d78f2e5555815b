"""`make fuzz` runs: a short round of two parsers under atheris; the long ones are for a person's patience.

It must never take longer than a person waits for a test.
Specification: tools/README.md.
"""

import re

import pytest

from tools import fuzz
from tools.errors import DONE, WRONG_USE


@pytest.mark.parametrize("target", ["record", "drain file"])
def test_atheris_throws_at_a_parser_of_either_table_and_finds_nothing(
    target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("atheris", reason="the fuzzer atheris is missing; type: make setup")
    assert fuzz.main(["--seconds", "2", "--only", target]) == DONE
    told = re.search(r"(\d+) inputs, nothing found", capsys.readouterr().out)
    assert told is not None
    assert int(told[1]) > 100


def test_a_target_that_is_not_there_is_told_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--only", "luck"]) == WRONG_USE
    assert "there are: envelope, " in capsys.readouterr().err
