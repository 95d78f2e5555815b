"""A technician at a house: the meter node searches its bus, and what it found is printed for its settings."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from emulation.town import TownPlan
from emulation.town.nodes import start_node
from emulation.town.setting import prepare
from hil_tests.conftest import Controller, eventually, free_port

pytestmark = pytest.mark.needs("city")


def scan(config: Path, *arguments: str) -> tuple[int, Any]:
    """(status, JSON) of `vuzol bus scan`."""
    command = [sys.executable, "-m", "tools.cli", "bus", "scan", *arguments, "--config", str(config), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_meters_on_a_nodes_bus_are_found_over_the_controller(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    setting = prepare(TownPlan(validators=0, displays=0, meters=1), tmp_path, ports, lambda *_: None)
    controller = Controller(setting.config, ports[0])
    (house,) = setting.nodes
    with ExitStack() as powered:
        powered.callback(controller.stop)
        controller.start()
        status, told = scan(setting.config, house.name)
        assert (status, "offline" in told["error"]) == (2, True)
        powered.enter_context(start_node(house))
        eventually("the node online", lambda: controller.is_online(house.name))

        def found() -> bool:
            status, told = scan(setting.config, house.name, "--primary", "8")
            assert (status, told["outcome"]) == (0, "done")
            return [meter["address"] for meter in told["settings"]["meters"]] == [0, 1]

        # A bus has its own time: a machine that is too busy misses an answer, as a technician does beside a motor.
        eventually("both meters", found)
