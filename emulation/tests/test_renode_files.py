"""What the lane gives to Renode and what it says when something is missing: without Renode and without an image.

It must never start Renode. Specification: emulation/renode/README.md; RFC 2131; littlefs.
"""

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from littlefs import LittleFS
from robot import running

from emulation.launch import start
from emulation.renode import image, namespace
from emulation.renode.lane import RenodeNode

ROOT = Path(__file__).resolve().parents[2]
ROBOTS = ROOT / "hil_tests" / "renode"
RENODE_KEYWORDS = Path(__file__).with_name("renode_keywords.py")
MAC = bytes.fromhex("02cafe000001")


@pytest.fixture
def nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(image.RENODE_VARIABLE, raising=False)
    monkeypatch.setenv(image.IMAGE_VARIABLE, str(tmp_path / "firmware.elf"))
    return tmp_path


def test_without_renode_the_lane_says_what_to_install_and_which_variable_to_set(nothing_here: Path) -> None:
    assert "portable release" in image.missing()
    assert "VUZOL_RENODE" in image.missing()
    assert "make firmware BOARD=nucleo_f429zi" in image.missing()
    (nothing_here / "firmware.elf").touch()
    (nothing_here / "renode").touch(mode=0o755)
    assert image.missing() == ""


def test_a_suite_that_cannot_run_is_skipped_with_its_reason_and_status_0(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "hil_tests/test_cards.py", "--target", "renode", "-rs", "-q"]
    environment = {"PATH": "/usr/bin:/bin", "VUZOL_RENODE": str(tmp_path / "renode"), "HOME": str(tmp_path)}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "portable release" in run.stdout
    assert " passed" not in run.stdout


def test_the_monitor_is_told_the_image_and_a_flash_that_holds_the_settings(nothing_here: Path) -> None:
    firmware = nothing_here / "firmware.elf"
    firmware.write_bytes(b"\x7fELF")
    lanes: list[RenodeNode] = []

    class Unstarted(RenodeNode):
        def power_on(self) -> None:
            lanes.append(self)

    settings = {"node": "00000000000000a1", "kind": "fare_validator"}
    folder = nothing_here / "node"
    with start("nucleo_f429zi", "fare_validator", settings, folder, lane=Unstarted):
        commands = lanes[0].commands()
    assert f"sysbus LoadELF @{firmware}" in commands
    assert commands[0].startswith("$port=")
    assert commands[-1] == "start"
    chip = (folder / "chip.flash").read_bytes()
    assert len(chip) == 2 * 1024 * 1024
    partition = chip[0x4000 : 0x4000 + 20_480]
    system = LittleFS(block_size=4096, block_count=5, mount=False)
    system.context.buffer[:] = partition
    system.mount()
    with system.open("settings.json") as file:
        assert "00000000000000a1" in file.read()
    assert image.settings_partition(partition, b"{}") != partition


@pytest.mark.parametrize("suite", sorted(ROBOTS.glob("*.robot")), ids=lambda path: path.name)
def test_every_keyword_of_a_robot_suite_is_there_and_has_the_arguments_that_it_takes(
    suite: Path, tmp_path: Path
) -> None:
    parsed = running.TestSuite.from_file_system(suite)
    parsed.resource.imports.library(str(RENODE_KEYWORDS))
    with (tmp_path / "said.txt").open("w+") as said:
        result = parsed.run(dryrun=True, output=None, stdout=said, stderr=said)
        said.seek(0)
        assert result.return_code == 0, said.read()
    assert result.suite.statistics.passed > 0


def request(kind: int, cookie: bytes = b"\x63\x82\x53\x63") -> bytes:
    head = struct.pack(">BBBBIHH16x", 1, 1, 6, 0, 0xABCD, 0, 0x8000)
    return head + MAC.ljust(16, b"\0") + bytes(192) + cookie + bytes((53, 1, kind, 0, 12, 2)) + b"no\xff"


@pytest.mark.parametrize(("asked", "answered"), [(1, 2), (3, 5)])
def test_the_node_is_offered_and_confirmed_the_one_address(asked: int, answered: int) -> None:
    answer = namespace.dhcp_answer(request(asked))
    assert answer is not None
    assert (answer[0], answer[4:8], answer[16:20]) == (2, b"\0\0\xab\xcd", bytes((10, 77, 0, 2)))
    assert answer[28:34] == MAC
    assert bytes((53, 1, answered, 54, 4, 10, 77, 0, 1)) in answer
    assert answer.endswith(bytes((1, 4, 255, 255, 255, 0, 255)))


@pytest.mark.parametrize("asked", [b"", request(1)[:100], request(1, b"\0\0\0\0"), request(7)])
def test_what_is_no_question_for_an_address_is_not_answered(asked: bytes) -> None:
    assert namespace.dhcp_answer(asked) is None
