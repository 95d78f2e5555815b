"""Backup, restore and doctor as an administrator types them, in both languages and as JSON.

Specification: tools/README.md; what they do to files is tested in controller/admin/tests.
"""

import json
import sqlite3
import subprocess
from pathlib import Path

import pytest

from controller.store.sqlite import SqliteStore
from tools import texts
from tools.tests.test_cli import vuzol


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A stopped installation without records."""
    (tmp_path / "nodes.json").touch(0o600)
    (tmp_path / "nodes.json").write_text('{"version": 1, "nodes": []}', encoding="utf-8")
    (tmp_path / "vuzol.toml").write_text("", encoding="utf-8")
    SqliteStore.open(tmp_path / "vuzol.sqlite3").close()
    return tmp_path / "vuzol.toml"


def _json(done: subprocess.CompletedProcess[str], status: int = 0) -> dict[str, object]:
    assert done.returncode == status, done.stderr
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


def test_a_day_of_an_administrator(config: Path) -> None:
    taken = _json(vuzol("backup", "--config", config, "--json"))
    file = str(taken["file"])
    assert taken["records"] == 0

    (config.parent / "vuzol.sqlite3").write_bytes(b"the disk is gone")
    sick = _json(vuzol("doctor", "--config", config, "--json"), status=1)
    assert not sick["healthy"]
    told = vuzol("doctor", "--config", config, "--lang", "uk")
    assert told.returncode == 1
    assert "пошкоджена" in told.stdout
    assert "vuzol restore" in told.stdout

    would = vuzol("restore", file, "--config", config, "--dry-run")
    assert "Nothing was changed" in would.stdout
    assert (config.parent / "vuzol.sqlite3").read_bytes() == b"the disk is gone"

    done = _json(vuzol("restore", file, "--config", config, "--json"))
    assert (done["restored"], done["lacks_master_key"]) == (True, "")
    assert sqlite3.connect(config.parent / "vuzol.sqlite3").execute("SELECT COUNT(*) FROM record").fetchone() == (0,)
    assert _json(vuzol("doctor", "--config", config, "--json"))["healthy"]


@pytest.mark.parametrize("command", [("backup",), ("restore", "none.tar.gz"), ("doctor",)])
def test_a_wrong_configuration_ends_in_one_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = vuzol(*command, "--config", tmp_path / "absent.toml")
    assert done.returncode in (1, 2)
    assert "absent.toml" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_finding_of_the_doctor_has_a_text(language: str) -> None:
    from controller.admin import doctor

    source = Path(doctor.__file__).read_text(encoding="utf-8")
    names = {word.strip('",') for word in source.split() if word.strip('",').startswith("doctor_")}
    assert len(names) > 15
    assert names <= texts.catalogue(language).keys()
