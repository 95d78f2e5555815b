"""The doctor finds what was broken on purpose, and nothing in a healthy installation.

Specification: controller/admin/README.md.
"""

import asyncio
import json
import re
import shutil
import sqlite3
import tomllib
from collections.abc import Callable
from pathlib import Path

import pyotp
import pytest

from controller.admin import backup, doctor, doctor_doors, keys
from controller.admin.ca import Authority
from controller.admin.doctor import BUILT_S, examine
from controller.admin.finding import Finding
from controller.admin.people import office
from controller.secret_files import write_secret
from controller.tests.peer import Peer
from controller.tests.process import ROOT, controlling, write_files
from protocols.provisioning import NodeEntry
from protocols.sealed_keys import master_text, new_master


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that has run once, with a fresh backup."""
    peer = Peer(NodeEntry(bytes.fromhex("00000000000000a1"), bytes(range(32)), "demo", "fare_validator", "Bus 17"))
    path = write_files(tmp_path_factory.mktemp("installed"), [peer.entry])

    async def begin() -> None:
        async with controlling(path):
            assert _wrong(path) == set()

    asyncio.run(begin())
    backup.take(path, None, _now_s())
    return path.parent


@pytest.fixture
def config(installed: Path, tmp_path: Path) -> Path:
    """A copy of it to break."""
    shutil.copytree(installed, tmp_path, dirs_exist_ok=True)
    return tmp_path / "vuzol.toml"


def _now_s() -> float:
    return max(BUILT_S, Path(__file__).stat().st_mtime) + 10


def _wrong(config: Path, now_s: float | None = None) -> set[str]:
    return {one.what for one in examine(config, now_s or _now_s()) if one.level == "error"}


def test_a_healthy_installation_has_nothing_wrong_and_is_told_to_start(config: Path) -> None:
    findings = examine(config, _now_s())
    assert not [one for one in findings if one.level == "error"]
    assert Finding("process", "warning", "doctor_stopped", {}) in findings


def _read_by_others(config: Path) -> None:
    (config.parent / "nodes.json").chmod(0o644)


def _damaged(config: Path) -> None:
    with sqlite3.connect(config.parent / "vuzol.sqlite3") as db:
        db.execute("PRAGMA journal_mode = DELETE")
    data = bytearray((config.parent / "vuzol.sqlite3").read_bytes())
    data[4096:8192] = bytes(4096)
    (config.parent / "vuzol.sqlite3").write_bytes(data)


def _newer(config: Path) -> None:
    with sqlite3.connect(config.parent / "vuzol.sqlite3") as db:
        db.execute("PRAGMA user_version = 999")


def _backup_damaged(config: Path) -> None:
    (file,) = (config.parent / "data" / "backups").iterdir()
    file.write_bytes(file.read_bytes()[:-100])


def _killed(config: Path) -> None:
    told = {"url": "http://127.0.0.1:1", "pid": 2**22 + 1}  # above the kernel's largest
    (config.parent / "data" / "ready.json").write_text(json.dumps(told), encoding="utf-8")


def _misspelt(config: Path) -> None:
    config.write_text("[store]\npaht = 'x'\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("break_it", "found"),
    [
        (_read_by_others, {"doctor_registry", "doctor_secret_readable"}),
        (_damaged, {"doctor_database"}),
        (_newer, {"doctor_database_newer"}),
        (_backup_damaged, {"doctor_backup_damaged"}),
        (_killed, {"doctor_killed"}),
        (_misspelt, {"doctor_configuration"}),
    ],
)
def test_what_is_broken_is_found(config: Path, break_it: Callable[[Path], None], found: set[str]) -> None:
    break_it(config)
    assert _wrong(config) == found


def _certified(days: int) -> Callable[[Path], None]:
    def certify(config: Path) -> None:
        authority = Authority(config.parent / "ca", b"a passphrase of the test")
        authority.init("town", 3650, _now_s())
        authority.issue("page", "server", ["localhost"], days, _now_s())
        config.write_text("[http]\ntls_cert = 'ca/page.crt'\ntls_key = 'ca/page.key'\n", encoding="utf-8")

    return certify


def _written(text: str) -> Callable[[Path], None]:
    return lambda config: _write(config, text)


def _write(config: Path, text: str) -> None:
    config.write_text(text, encoding="utf-8")


def _key_open(config: Path) -> None:
    _certified(300)(config)
    (config.parent / "ca" / "page.key").chmod(0o640)


def _certificate_gone(config: Path) -> None:
    _certified(300)(config)
    shutil.rmtree(config.parent / "ca")


def _second_factor(config: Path) -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    with office(config) as people:
        people.add("olena", ["administrator"], "correct horse battery")
        people.set_totp("olena", secret, pyotp.TOTP(secret).now())


def _locked_out(config: Path) -> None:
    _second_factor(config)
    keys.rotate(config)
    write_secret(config.parent / "master.key", master_text([new_master()]))


def _unsealed(config: Path) -> None:
    keys.rotate(config)
    (config.parent / "master.key").unlink()


LATER_S = 20 * 86_400


@pytest.mark.parametrize(
    ("break_it", "level", "found"),
    [
        (_certified(10), "error", "doctor_certificate_expired"),
        (_certified(40), "warning", "doctor_certificate_soon"),
        (_certified(300), "ok", "doctor_certificate_ok"),
        (_key_open, "error", "doctor_secret_readable"),
        (_certificate_gone, "error", "doctor_certificate_damaged"),
        (_certificate_gone, "error", "doctor_secret_missing"),
        (_written("[http]\nhost = '0.0.0.0'\nplain = true\n"), "warning", "doctor_plain_http"),
        (_written("[mqtt]\nhost = '0.0.0.0'\n"), "warning", "doctor_plain_mqtt"),
        (_written("[mqtt]\nacl = false\n"), "warning", "doctor_acl_off"),
        (_written("[mqtt]\nhost = '0.0.0.0'\nacl = false\n"), "error", "doctor_acl_off"),
        (_written(""), "ok", "doctor_exposure_ok"),
        (_written(""), "warning", "doctor_keys_open"),
        (keys.rotate, "ok", "doctor_keys_ok"),
        (_unsealed, "error", "doctor_registry"),
        (_second_factor, "warning", "doctor_factors_open"),
        (_locked_out, "error", "doctor_factors_locked"),
        (_written("[retention]\npositions_days = 30\n"), "ok", "doctor_retention"),
    ],
)
def test_the_doors_are_looked_at(config: Path, break_it: Callable[[Path], object], level: str, found: str) -> None:
    break_it(config)
    assert (level, found) in {(one.level, one.what) for one in examine(config, _now_s() + LATER_S)}


def test_every_finding_has_a_text_in_both_languages() -> None:
    modules = (Path(doctor.__file__), Path(doctor_doors.__file__))
    named = {name for module in modules for name in re.findall(r'"(doctor_[a-z_]+)"', module.read_text("utf-8"))}
    named |= {f"doctor_{of}_{end}" for of in ("certificate", "issued") for end in ("expired", "soon")}
    for language in ("uk", "en"):
        told = tomllib.loads((ROOT / "tools" / "messages" / f"{language}.toml").read_text(encoding="utf-8"))
        assert named - told.keys() <= {"doctor_certificate", "doctor_issued"}


def test_a_clock_of_the_last_century_is_found(config: Path) -> None:
    assert _wrong(config, 900_000_000.0) == {"doctor_clock"}


def test_a_backup_of_last_week_is_a_warning(config: Path) -> None:
    later = _now_s() + 400 * 24 * 3600
    assert "doctor_backup_old" in {one.what for one in examine(config, later) if one.level == "warning"}
