"""Keys at rest: sealed when the registry is written, sealed anew under another master key, and never half.

Specification: protocols/sealed_keys.py; controller/admin/README.md, "Keys".
"""

import stat
from pathlib import Path

import pyotp
import pytest

from controller import config as configuration
from controller.admin import keys
from controller.admin.people import office
from controller.registry import load_registry
from controller.secret_files import write_secret
from controller.tests.peer import make_entry
from protocols.provisioning import registry_text
from protocols.sealed_keys import master_text, new_master

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ENTRIES = tuple(make_entry(number) for number in (0xA1, 0xA2))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An installation of an older version: its registry lies open."""
    write_secret(tmp_path / "nodes.json", registry_text(ENTRIES))
    path = tmp_path / "vuzol.toml"
    path.write_text("", encoding="utf-8")
    return path


def test_an_open_registry_is_read_and_sealed_when_it_is_next_written(config: Path) -> None:
    registry, master = config.with_name("nodes.json"), config.with_name(keys.MASTER_KEY)
    assert keys.read_nodes(registry, master) == ENTRIES
    assert keys.count_open(registry) == 2
    keys.write_nodes(registry, master, ENTRIES)
    assert keys.count_open(registry) == 0
    assert load_registry(registry, master) == ENTRIES
    assert stat.S_IMODE(master.stat().st_mode) == stat.S_IMODE(registry.stat().st_mode) == 0o600
    assert not [entry for entry in ENTRIES if entry.key.hex() in registry.read_text(encoding="utf-8")]


def test_a_new_master_key_opens_what_the_old_one_opens_no_more(config: Path) -> None:
    registry, master = config.with_name("nodes.json"), config.with_name(keys.MASTER_KEY)
    assert keys.rotate(config) == (2, 0)
    old = master.read_bytes()
    assert keys.rotate(config) == (2, 0)
    assert keys.read_nodes(registry, master) == ENTRIES
    write_secret(master, old.decode())
    with pytest.raises(keys.KeysError, match="which is not here"):
        keys.read_nodes(registry, master)


def test_a_rotation_that_is_cut_off_at_any_write_leaves_a_registry_that_opens(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, master = config.with_name("nodes.json"), config.with_name(keys.MASTER_KEY)
    keys.rotate(config)
    for writes in range(3):
        left = iter(range(writes))

        def failing(path: Path, text: str, left: object = left) -> None:
            if next(left, None) is None:  # type: ignore[call-overload]  # an iterator
                raise OSError(28, "No space left on device", str(path))
            write_secret(path, text)

        with monkeypatch.context() as broken:
            broken.setattr(keys, "write_secret", failing)
            with pytest.raises(keys.KeysError, match="No space left"):
                keys.rotate(config)
        assert keys.read_nodes(registry, master) == ENTRIES
    assert keys.rotate(config) == (2, 0)
    assert len(master.read_text(encoding="ascii").split()) == 1


def test_a_master_key_that_others_may_read_is_refused(config: Path) -> None:
    keys.rotate(config)
    master = config.with_name(keys.MASTER_KEY)
    master.chmod(0o640)
    with pytest.raises(keys.KeysError, match="chmod 600"):
        keys.read_nodes(config.with_name("nodes.json"), master)
    with pytest.MonkeyPatch.context() as environment:  # systemd's credentials show their access list as a group's right
        environment.setenv("CREDENTIALS_DIRECTORY", str(config.parent))
        assert keys.read_nodes(config.with_name("nodes.json"), master) == ENTRIES


def test_a_rotation_seals_second_factors_too_and_one_that_is_cut_off_locks_nobody_out(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master, database = config.with_name(keys.MASTER_KEY), config.with_name("vuzol.sqlite3")
    with office(config) as people:
        people.add("olena", ["administrator"], "correct horse battery")
        people.set_totp("olena", SECRET, pyotp.TOTP(SECRET).now())
    loaded = configuration.load(config)
    assert keys.second_factors(loaded) == (1, 0), "there is no master key yet"
    assert keys.rotate(config) == (2, 1)
    assert keys.second_factors(loaded) == (0, 0)
    assert SECRET.encode() not in database.read_bytes()
    for writes in range(3):
        left = iter(range(writes))

        def failing(path: Path, text: str, left: object = left) -> None:
            if next(left, None) is None:  # type: ignore[call-overload]  # an iterator
                raise OSError(28, "No space left on device", str(path))
            write_secret(path, text)

        with monkeypatch.context() as broken:
            broken.setattr(keys, "write_secret", failing)
            with pytest.raises(keys.KeysError, match="No space left"):
                keys.rotate(config)
        assert keys.second_factors(loaded) == (0, 0)
    other = new_master()
    write_secret(master, master_text([other]))
    assert keys.second_factors(loaded) == (0, 1)
    write_secret(config.with_name("nodes.json"), registry_text(ENTRIES, other))
    with pytest.raises(keys.KeysError, match="vuzol user totp olena --off"):
        keys.rotate(config)
