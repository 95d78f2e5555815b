"""`vuzol demo` as a person starts it: it ends by itself, its ledger reconciles, also when servers are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from hil_tests.conftest import eventually
from hil_tests.target import read_target

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.needs("city")
FEEDS = ROOT.parent / "shared" / "data" / "transit" / "gtfs"


def start_demo(folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tools.cli",
        "demo",
        "--headless",
        "--port",
        "0",
        "--json",
        str(folder / "out.json"),
    ]
    return subprocess.Popen(
        [*command, "--lang", "en", *more], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(demo: subprocess.Popen[str], folder: Path) -> dict[str, Any]:
    output, _ = demo.communicate(timeout=240)
    assert demo.returncode == 0, output
    result: dict[str, Any] = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    return result


def check_sound(result: dict[str, Any]) -> None:
    assert result["ledger"] == {"reconciles": True, "differences": []}
    assert result["records"]["lost"] == result["records"]["duplicated"] == 0
    assert result["records"]["journalled"] == result["records"]["receipted"] == result["records"]["stored"] > 0
    for kind, nodes in result["nodes"].items():
        assert nodes["online"] == nodes["started"] > 0, kind
    assert all(count > 0 for count in result["counts"].values()), result["counts"]


def child(demo: subprocess.Popen[str], is_wanted: Callable[[list[str]], bool]) -> psutil.Process | None:
    for process in psutil.Process(demo.pid).children(recursive=True):
        try:
            if is_wanted(process.cmdline()):
                return process
        except psutil.Error:
            continue
    return None


def is_controller(command: list[str]) -> bool:
    return "tools.cli" in command and "run" in command


def is_broker(command: list[str]) -> bool:
    return bool(command) and Path(command[0]).name.startswith("nats-server")


def test_the_demo_ends_with_every_record_stored_once(tmp_path: Path) -> None:
    result = finish(start_demo(tmp_path, "--for", "20"), tmp_path)
    check_sound(result)
    assert result["tap_decision_ms"]["p50"] > 0
    assert result["records"]["declared_gaps"] == 0
    assert result["alarms"] == []


def test_nodes_on_emulated_silicon_behind_a_relay_live_in_the_town_like_all_others(tmp_path: Path) -> None:
    if reason := read_target("rp2040").absent:
        pytest.skip(reason)
    town = ("--validators", "2", "--displays", "2", "--meters", "1", "--posts", "1")
    check_sound(finish(start_demo(tmp_path, "--for", "30", "--silicon", "2", *town), tmp_path))


@pytest.mark.parametrize("victim", [is_controller, is_broker], ids=["controller", "broker"])
def test_the_ledger_reconciles_after_kill_9(tmp_path: Path, victim: Callable[[list[str]], bool]) -> None:
    demo = start_demo(tmp_path, "--for", "25", "--validators", "4", "--displays", "3")
    eventually("the town is alive", lambda: "alive" in (demo.stdout.readline() if demo.stdout else ""))
    time.sleep(8)  # in the middle of its life
    killed = eventually("the victim runs", lambda: child(demo, victim))
    os.kill(killed.pid, signal.SIGKILL)
    eventually("another one runs", lambda: (p := child(demo, victim)) and p.pid != killed.pid)
    check_sound(finish(demo, tmp_path))


def test_ctrl_c_ends_with_the_ledger_and_leaves_no_process(tmp_path: Path) -> None:
    demo = start_demo(tmp_path, "--validators", "2", "--displays", "2")
    eventually("the town is alive", lambda: "alive" in (demo.stdout.readline() if demo.stdout else ""))
    family = psutil.Process(demo.pid).children(recursive=True)
    assert len(family) >= 6, "controller, broker and four nodes"
    time.sleep(6)
    demo.send_signal(signal.SIGINT)
    check_sound(finish(demo, tmp_path))
    _, still_there = psutil.wait_procs(family, timeout=60)
    assert still_there == []


def test_the_meters_of_the_demo_hang_in_houses_that_somebody_entered(tmp_path: Path) -> None:
    demo = start_demo(tmp_path, "--validators", "1", "--displays", "1", "--meters", "2", "--posts", "1")
    assert demo.stdout is not None
    alive = next(line for line in demo.stdout if "alive" in line)
    url = next(word for word in alive.split() if word.startswith("http"))
    points = eventually("the houses are entered", lambda: httpx.get(f"{url}/api/v1/points").json())
    assert {(one["building"], one["point"]) for one in points} == {
        (house, point) for house in ("House 1", "House 2") for point in ("Heating", "Water")
    }
    heating = next(one["id"] for one in points if one["point"] == "Heating")
    eventually("it was read by eye", lambda: "manual" in httpx.get(f"{url}/api/v1/points/{heating}/readings").text)
    demo.send_signal(signal.SIGINT)
    assert finish(demo, tmp_path)["ledger"]["reconciles"]


@pytest.mark.skipif(not FEEDS.is_dir(), reason=f"no feeds at {FEEDS}: they are not part of a clone")
@pytest.mark.parametrize("feed", sorted(FEEDS.glob("*.zip")) if FEEDS.is_dir() else [], ids=lambda path: path.stem)
def test_the_demo_runs_on_a_real_feed(tmp_path: Path, feed: Path) -> None:
    check_sound(finish(start_demo(tmp_path, "--for", "20", "--gtfs", str(feed)), tmp_path))


def test_a_taken_port_is_told_in_one_sentence(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        demo = start_demo(tmp_path, "--port", str(taken.getsockname()[1]))
        output, _ = demo.communicate(timeout=240)
    assert demo.returncode == 2
    assert "choose another with --port" in output
    assert "Traceback" not in output
