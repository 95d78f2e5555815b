"""The golden vectors, frozen per version, agree on CPython and on MicroPython."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "protocols" / "vectors"
RUNNER = ROOT / "protocols" / "tests" / "run_vectors.py"


def micropython() -> str:
    found = os.environ.get("VUZOL_MICROPYTHON") or shutil.which("micropython", path=str(Path(sys.executable).parent))
    assert found, "the set-up installs micropython beside python"
    return found


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, str(RUNNER), str(VECTORS)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_the_golden_vectors_agree(interpreter: str) -> None:
    if interpreter == "cpython":
        done = run([sys.executable], PYTHONPATH=str(ROOT))
    else:
        done = run([micropython(), "-X", "heapsize=384k"], MICROPYPATH=f"{ROOT}:.frozen")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout


def test_a_wrong_codec_fails_the_vectors(tmp_path: Path) -> None:
    """The runner can fail: a codec whose range check is gone is caught on MicroPython, where struct is silent."""
    copy = tmp_path / "protocols"
    shutil.copytree(ROOT / "protocols", copy)
    tap = copy / "wire" / "messages" / "tap.py"
    source = tap.read_text(encoding="utf-8")
    weakened = source.replace("if not 0 <= m.riders <= 255:", "if False:")
    assert weakened != source
    tap.write_text(weakened, encoding="utf-8")
    done = run([micropython()], MICROPYPATH=f"{tmp_path}:.frozen")
    assert done.returncode == 1
    assert "FAILED tap.riders out of range" in done.stdout


def test_a_wrong_polynomial_fails_the_vectors(tmp_path: Path) -> None:
    """The frames are those of the specification, not of our own reckoning."""
    shutil.copytree(ROOT / "protocols", tmp_path / "protocols")
    rtu = tmp_path / "protocols" / "wire" / "modbus_rtu.py"
    rtu.write_text(rtu.read_text(encoding="utf-8").replace("0xA001", "0x8408"), encoding="utf-8")
    done = run([micropython()], MICROPYPATH=f"{tmp_path}:.frozen")
    assert done.returncode == 1
    assert "FAILED read holding registers build" in done.stdout
