"""A service manager hears that the controller is ready, that it turns, and that it stops.

Specification: sd_notify(3).
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from controller.tests.peer import Peer
from controller.tests.process import ROOT, controlling, write_files
from protocols.provisioning import NodeEntry


async def test_a_controller_feeds_its_watchdog_only_while_it_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = Peer(NodeEntry(bytes(7) + b"\xa1", bytes(range(32)), "demo", "fare_validator", "Bus 17"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "600000")
        async with controlling(write_files(tmp_path, [peer.entry])) as controller:
            started = await asyncio.to_thread(_hear, manager, 2)
            assert started.count("READY=1") == 1
            assert started.count("WATCHDOG=1") >= 3
            os.kill(controller.pid, signal.SIGSTOP)
            await asyncio.to_thread(_hear, manager, 1)  # what was on its way
            assert await asyncio.to_thread(_hear, manager, 2) == []
            os.kill(controller.pid, signal.SIGCONT)
            assert "WATCHDOG=1" in await asyncio.to_thread(_hear, manager, 2)
        assert _hear(manager, 0.5).count("STOPPING=1") == 1


def test_a_relay_says_that_it_is_ready_with_nobody_on_its_bus_and_no_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "relay.toml"
    bus = '[[bus]]\nname = "cellar"\ntransport = "tcp"\naddress = "127.0.0.1:1"\nnodes = [1]\n'
    config.write_text(f"[mqtt]\nport = 1\n{bus}", encoding="utf-8")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "600000")
        command = [sys.executable, "-m", "tools.cli", "relay", "--config", str(config)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as relay:
            manager.settimeout(30)
            assert {manager.recv(64).decode() for _ in range(4)} == {"READY=1", "WATCHDOG=1"}
            relay.terminate()
            assert relay.wait(15) == 0
        assert _hear(manager, 0.5).count("STOPPING=1") == 1


def _hear(manager: socket.socket, for_s: float) -> list[str]:
    """Everything that is said within this time."""
    said = []
    deadline_s = time.monotonic() + for_s
    while (left_s := deadline_s - time.monotonic()) > 0:
        manager.settimeout(left_s)
        with contextlib.suppress(TimeoutError):
            said.append(manager.recv(64).decode())
    return said
