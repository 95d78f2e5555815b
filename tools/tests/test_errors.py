"""What people are told when something is wrong: in their language, whole, and from one place.

Never judges the words.
Specification: tools/errors.py, tools/messages/faults.*.toml.
"""

import ast
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import texts
from tools.errors import UsageError
from tools.field.at_once import at_once

ROOT = Path(__file__).parents[2]
SILENT = """
import signal, threading
from tools.field.at_once import at_once

def is_silent(board):
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    threading.Event().wait()

at_once(is_silent, ["one"])
"""
FAULT = re.compile(r"(fault|guide)_\w*[a-z]")


def raised() -> Iterator[tuple[str, set[str]]]:
    """Every key that a UsageError is made of, and what it names."""
    for path in sorted((ROOT / "tools").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "UsageError":
                for part in ast.walk(call.args[0]):
                    if isinstance(part, ast.Constant) and FAULT.fullmatch(str(part.value)):
                        yield str(part.value), {str(word.arg) for word in call.keywords}


@pytest.mark.parametrize(("key", "named"), list(raised()))
def test_every_error_has_its_text_and_names_what_stands_in_it(key: str, named: set[str]) -> None:
    assert set(re.findall(r"{(\w+)}", texts.catalogue("en")[key])) <= named


def test_every_text_of_an_error_is_told_somewhere() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tools").rglob("*.py"))
    texts_of_ports = {"fault_port_absent", "fault_port_forbidden", "fault_port_taken", "fault_port_wrong"}
    unused = {key for key in texts.catalogue("en") if key.startswith("fault_") and f'"{key}"' not in sources}
    assert unused <= texts_of_ports


def test_an_error_is_told_in_the_language_that_was_asked_for_and_in_english_to_programs() -> None:
    error = UsageError("fault_port_absent", port="/dev/ttyACM7")
    assert error.text("uk").startswith("/dev/ttyACM7 немає")
    assert str(error).startswith("/dev/ttyACM7 is not there")
    assert UsageError("a sentence: do this").text("uk") == "a sentence: do this"


def test_a_file_that_cannot_be_written_ends_in_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.cli", "release", "keygen", str(tmp_path / "no" / "key"), "--lang", "uk"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"vuzol: {tmp_path}/no/key не придатний: No such file or directory\n"


def test_ctrl_c_waits_for_no_board_that_is_silent() -> None:
    done = subprocess.run([sys.executable, "-c", SILENT], cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGINT
    assert at_once(str.upper, ["a", "b"]) == ["A", "B"]
