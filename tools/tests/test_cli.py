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

from protocols.provisioning import read_registry
from tools import texts
from tools.cli import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "tools" / "README.md").read_text(encoding="utf-8")


def commands() -> dict[str, TyperCommand]:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return {name: command for name, command in group.commands.items() if isinstance(command, TyperCommand)}


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
def test_every_command_and_option_stands_in_the_readme(name: str) -> None:
    row = next((line for line in README.splitlines() if line.startswith(f"| `vuzol {name}")), None)
    assert row, f"tools/README.md lacks a row for vuzol {name}"
    options = {
        opt for p in commands()[name].params if isinstance(p, TyperOption) for opt in p.opts if opt.startswith("--")
    }
    assert set(re.findall(r"`(--[a-z-]+)`", row)) == options - {"--help"}


@pytest.mark.parametrize("name", commands())
def test_every_command_has_an_example_in_its_help(name: str) -> None:
    done = vuzol(name, "--help")
    assert done.returncode == 0
    assert f"vuzol {name}" in done.stdout.split("Example", 1)[1]


def test_both_languages_have_the_same_texts() -> None:
    assert texts.catalogue("uk").keys() == texts.catalogue("en").keys()
    for key, text in texts.catalogue("en").items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", texts.catalogue("uk")[key])), key


WRONG_USE = {
    "a configuration that is not there": ["run", "--config", "no-such.toml"],
    "a feed that is not there": ["gtfs", "no-such.zip"],
    "a demo of a feed that is not there": ["demo", "--gtfs", "no-such.zip", "--for", "10", "--headless", "--port", "0"],
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


def test_a_provisioned_node_is_in_the_registry_and_both_files_are_private(tmp_path: Path) -> None:
    done = provision_display(tmp_path)
    assert done.returncode == 0, done.stderr
    (entry,) = read_registry((tmp_path / "nodes.json").read_text(encoding="utf-8"))
    settings = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))
    assert settings["node"] == entry.node.hex() == json.loads(done.stdout)["node"]
    assert settings["key"] == entry.key.hex()
    assert entry.key.hex() not in done.stdout + done.stderr
    for name in ("nodes.json", "settings.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


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
