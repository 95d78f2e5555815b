"""`vuzol sim` as people and scripts see it, and the same trace on both versions of the interpreter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from emulation.sim import SimPlan, load, run
from tools import unix_vm
from tools.errors import UsageError

KEYS = ["seed", "trace_hash", "virtual_hours", "wall_s", "faults", "records", "documents", "ledger"]


def vuzol(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.cli", "sim", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.timeout(400)
def test_a_simulation_ends_with_its_ledger_on_the_screen_and_in_json(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    done = vuzol("--nodes", "2", "--hours", "0.1", "--seed", "5", "--faults", "storm", "--json", file, "--lang", "en")
    assert done.returncode == 0, done.stderr
    assert "The ledger reconciles" in done.stdout
    told = json.loads(file.read_text())
    assert list(told) == KEYS
    assert told["seed"] == 5
    assert told["ledger"] == {"reconciles": True, "differences": []}
    assert told["records"]["journalled"] == told["records"]["stored"] > 0
    assert told["trace_hash"] in done.stdout


def test_a_plan_that_cannot_be_used_is_told_in_one_sentence(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("[message]\nlosses = 1\n")
    done = vuzol("--faults", plan)
    assert done.returncode == 2
    assert done.stderr.startswith("vuzol: message.losses is unknown")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.timeout(900)
def test_the_trace_is_the_same_on_both_versions_of_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = SimPlan(nodes=3, hours=0.3, seed=4, faults=load("storm"))
    traced = run(plan)["trace_hash"]
    try:
        monkeypatch.setenv("VUZOL_MICROPYTHON", str(unix_vm.build(64)))
    except UsageError as missing:
        pytest.skip(str(missing))
    assert run(plan)["trace_hash"] == traced
