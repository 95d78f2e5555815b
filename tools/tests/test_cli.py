"""The `vuzol` command: what is not documented fails, and wrong use ends in one sentence."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup, TyperOption

from protocols.provisioning import NodeEntry, read_registry
from protocols.sealed_keys import read_masters
from tools import texts
from tools.cli import app

ROOT = Path(__file__).parents[2]
LIST = (ROOT / "tools" / "COMMANDS.md").read_text(encoding="utf-8")


def commands(group: object = None, before: str = "") -> dict[str, TyperCommand]:
    group = group or typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    found = {before + name: command for name, command in group.commands.items() if isinstance(command, TyperCommand)}
    for name, inner in group.commands.items():
        if isinstance(inner, TyperGroup):
            found |= commands(inner, f"{before}{name} ")
    return found


def vuzol(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.cli", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_stands_in_the_list(name: str) -> None:
    row = next((line for line in LIST.splitlines() if line.startswith(f"| `vuzol {name}")), None)
    assert row, f"tools/COMMANDS.md lacks a row for vuzol {name}"
    options = {
        opt for p in commands()[name].params if isinstance(p, TyperOption) for opt in p.opts if opt.startswith("--")
    }
    assert set(re.findall(r"`(--[a-z-]+)`", row)) == options - {"--help"}


@pytest.mark.parametrize("name", commands())
def test_every_command_has_an_example_in_its_help(name: str) -> None:
    done = vuzol(*name.split(), "--help")
    assert done.returncode == 0
    assert f"vuzol {name}" in done.stdout.split("Example", 1)[1]


def test_both_languages_have_the_same_texts() -> None:
    assert texts.catalogue("uk").keys() == texts.catalogue("en").keys()
    for key, text in texts.catalogue("en").items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", texts.catalogue("uk")[key])), key


WRONG_USE = {
    "a configuration that is not there": ["run", "--config", "no-such.toml"],
    "a relay's configuration that is not there": ["relay", "--config", "no-such.toml"],
    "a feed that is not there": ["gtfs", "no-such.zip"],
    "a demo of a feed that is not there": ["demo", "--gtfs", "no-such.zip", "--for", "10", "--headless", "--port", "0"],
    "a ledger of nobody": ["ledger", "--url", "http://127.0.0.1:1"],
    "a ledger of a controller that does not run": ["ledger", "--config", "no-such.toml"],
    "an export to nowhere": ["export", "air"],
    "an export of nobody": ["export", "air", "--out", "build/air.csv", "--url", "http://127.0.0.1:1"],
    "a port that is not there": ["drain", "/dev/no-such-port"],
    "a drain file that is not there": ["import", "no-such.drain"],
    "a language that we do not speak": ["gtfs", "x", "--lang", "de"],
}


@pytest.mark.parametrize("arguments", WRONG_USE.values(), ids=WRONG_USE.keys())
def test_wrong_use_ends_in_one_sentence_and_status_2(arguments: list[str]) -> None:
    done = vuzol(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_broken_feed_is_told_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "stops.txt").write_text("stop_id,stop_name,stop_lat,stop_lon\nA,Площа,ninety,33.4\n", encoding="utf-8")
    done = vuzol("gtfs", tmp_path, "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["valid"] is False
    assert ("stops.txt", 2) in {(error["file"], error["line"]) for error in answer["errors"]}


def provision_display(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return vuzol(
        "provision", "--registry", folder / "nodes.json", "--settings", folder / "settings.json", "--site", "demo",
        "--kind", "stop_display", "--name", "Площа Визволення", "--stop", "S1", "--json", *more,
    )  # fmt: skip


def registered(folder: Path) -> tuple[NodeEntry, ...]:
    masters = read_masters((folder / "master.key").read_text(encoding="utf-8"))
    return read_registry((folder / "nodes.json").read_text(encoding="utf-8"), masters)


def test_a_provisioned_node_is_in_the_registry_and_both_files_are_private(tmp_path: Path) -> None:
    done = provision_display(tmp_path)
    assert done.returncode == 0, done.stderr
    (entry,) = registered(tmp_path)
    settings = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))
    assert settings["node"] == entry.node.hex() == json.loads(done.stdout)["node"]
    assert settings["key"] == entry.key.hex()
    assert entry.key.hex() not in done.stdout + done.stderr + (tmp_path / "nodes.json").read_text(encoding="utf-8")
    for name in ("nodes.json", "master.key", "settings.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_node_without_a_broker_is_made_a_modbus_slave(tmp_path: Path) -> None:
    uplinks = {
        "rtu:7": {"transport": "modbus_rtu", "unit": 7, "baud": 115_200, "parity": "none"},
        "rtu:7:9600:even": {"transport": "modbus_rtu", "unit": 7, "baud": 9600, "parity": "even"},
        "tcp:7": {"transport": "modbus_tcp", "unit": 7, "host": "0.0.0.0", "port": 502},
        "tcp:7:[::1]:1502": {"transport": "modbus_tcp", "unit": 7, "host": "::1", "port": 1502},
    }
    for number, (text, uplink) in enumerate(uplinks.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert provision_display(folder, "--modbus", text).returncode == 0
        assert json.loads((folder / "settings.json").read_text(encoding="utf-8"))["uplink"] == uplink
    for text in ("7", "rtu:", "rtu:248", "rtu:7:50", "rtu:7:9600:mark", "tcp:7:nowhere", "can:7"):
        done = provision_display(tmp_path, "--modbus", text, "--dry-run")
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), text


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    assert provision_display(tmp_path, "--dry-run").returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_settings_that_exist_are_never_overwritten(tmp_path: Path) -> None:
    assert provision_display(tmp_path).returncode == 0
    before = (tmp_path / "settings.json").read_bytes(), (tmp_path / "nodes.json").read_bytes()
    again = provision_display(tmp_path)
    assert again.returncode == 2
    assert "move it away first" in again.stderr
    assert before == ((tmp_path / "settings.json").read_bytes(), (tmp_path / "nodes.json").read_bytes())


def test_a_node_whose_place_is_written_by_hand_gets_its_identity(tmp_path: Path) -> None:
    done = vuzol(
        "provision", "--registry", tmp_path / "nodes.json", "--settings", tmp_path / "settings.json", "--site", "demo",
        "--kind", "utility_meter", "--name", "Будинок 7",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))["config"] == {}
    (entry,) = registered(tmp_path)
    assert (entry.kind, entry.name) == ("utility_meter", "Будинок 7")
