"""`vuzol relay` as a person starts it: one line when it runs, in their language, and an end in order.

Never needs a broker or a bus: it waits for both, and what it carries is tested beside the controller.
Specification: controller/relay.example.toml.
"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = """
[mqtt]
port = 1
[[bus]]
name = "cellar"
transport = "rtu"
address = "/dev/no-such-port"
nodes = [1, 2]
"""


@pytest.mark.parametrize(("language", "told"), [("uk", "Ретранслятор працює: шин 1"), ("en", "The relay runs: 1 bus")])
def test_the_relay_says_that_it_runs_and_ends_when_told(language: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "relay.toml").write_text(CONFIG, encoding="utf-8")
    command = [sys.executable, "-m", "tools.cli", "relay", "--config", str(tmp_path / "relay.toml"), "--lang", language]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as relay:
        assert relay.stdout is not None
        assert relay.stderr is not None
        assert told in relay.stdout.readline()
        assert "/dev/no-such-port cannot be opened" in relay.stderr.readline()
        relay.send_signal(signal.SIGTERM)
        assert relay.wait(timeout=30) == 0
        assert "Traceback" not in relay.stderr.read()
