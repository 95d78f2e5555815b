"""A controller is backed up while it works, lost, and restored: the ledger reconciles again.

Specification: controller/admin/README.md.
"""

import asyncio
import json
import signal
import stat
import tarfile
from pathlib import Path

import pyotp
import pytest

from controller import config as configuration
from controller.admin import backup, keys
from controller.admin.people import office
from controller.secret_files import write_secret
from controller.store.sqlite import SqliteStore
from controller.tests.peer import Peer
from controller.tests.process import controlling, deliver, write_files
from protocols.provisioning import NodeEntry, registry_text
from protocols.sealed_keys import master_text, new_master

NOW_S = 1_792_400_000.0


@pytest.fixture
def peer() -> Peer:
    return Peer(NodeEntry(bytes.fromhex("00000000000000a1"), bytes(range(32)), "demo", "fare_validator", "Bus 17"))


async def test_what_was_stored_after_the_backup_comes_again_from_the_nodes_journal(tmp_path: Path, peer: Peer) -> None:
    config = write_files(tmp_path, [peer.entry])
    loaded = configuration.load(config)
    file = tmp_path / "kept" / "a.tar.gz"
    async with controlling(config) as controller:
        peer.boot()
        for _ in range(40):
            peer.tap()
        await deliver(peer, controller.mqtt_port)
        sending = asyncio.create_task(_keep_sending(peer, controller.mqtt_port))
        written, manifest = await asyncio.to_thread(backup.take, config, file, NOW_S)
        assert written == file
        await sending
        assert manifest.records >= 41
        before = await controller.stored(peer)
        assert len(before) == len(peer.journal) == 141
        with pytest.raises(backup.BackupError, match="stop it first"):
            backup.restore(file, config, NOW_S)
        await controller.end(signal.SIGKILL)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    await asyncio.to_thread(Path(loaded.store.path).write_bytes, b"the disk is gone")
    found, moved = backup.restore(file, config, NOW_S)
    assert found == manifest
    assert Path(loaded.store.path + ".before-restore-20261019T085320Z") in moved

    async with controlling(config) as controller:
        peer.receipted.clear()
        await deliver(peer, controller.mqtt_port)
        assert await controller.stored(peer) == before
        (row,) = (await controller.get("/api/v1/ledger", verify="true"))["rows"]
        assert row["reconciles"]


async def _keep_sending(peer: Peer, port: int) -> None:
    for _ in range(10):
        for _ in range(10):
            peer.tap()
        await deliver(peer, port)


@pytest.fixture
def taken(tmp_path: Path, peer: Peer) -> tuple[Path, Path]:
    """A backup of an installation that has stored nothing yet, and its configuration."""
    config = write_files(tmp_path, [peer.entry])
    loaded = configuration.load(config)
    SqliteStore.open(Path(loaded.store.path)).close()
    file = tmp_path / "b.tar.gz"
    backup.take(config, file, NOW_S)
    return file, config


def test_every_damaged_byte_of_a_backup_is_noticed(taken: tuple[Path, Path]) -> None:
    file, config = taken
    whole, taken_over = file.read_bytes(), backup.verify(file)
    store = Path(configuration.load(config).store.path)
    database = store.read_bytes()
    for at in range(0, len(whole), 7):
        file.write_bytes(whole[:at] + bytes((whole[at] ^ 0x55,)) + whole[at + 1 :])
        try:
            manifest = backup.verify(file)
        except backup.BackupError:
            continue
        # a few of gzip's bits mean nothing: whatever is believed is what was taken
        assert manifest == taken_over, f"byte {at}"
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(backup.BackupError, match="take another one"):
        backup.restore(file, config, NOW_S)
    assert store.read_bytes() == database


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "not-in-the-manifest"])
def test_a_member_that_the_manifest_does_not_know_is_never_written(
    taken: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    file, _ = taken
    (tmp_path / "evil").write_text("x")
    with tarfile.open(file, "r:gz") as old, tarfile.open(tmp_path / "c.tar.gz", "w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        new.add(tmp_path / "evil", name)
    with pytest.raises(backup.BackupError, match="manifest does not know"):
        backup.verify(tmp_path / "c.tar.gz")


def test_another_sites_backup_is_refused(taken: tuple[Path, Path], tmp_path: Path) -> None:
    file, _ = taken
    text = (tmp_path / "vuzol.toml").read_text(encoding="utf-8")
    (tmp_path / "vuzol.toml").write_text(text + '[site]\nname = "lviv"\n', encoding="utf-8")
    with pytest.raises(backup.BackupError, match="of the site demo, not lviv"):
        backup.restore(file, tmp_path / "vuzol.toml", NOW_S)


def test_a_backup_of_no_database_says_what_to_correct(tmp_path: Path, peer: Peer) -> None:
    config = write_files(tmp_path, [peer.entry])
    with pytest.raises(backup.BackupError, match=r"There is no database .*: correct store\.path"):
        backup.take(config, tmp_path / "b.tar.gz", NOW_S)
    assert not list(tmp_path.glob("*.tar.gz*"))


def test_keys_are_sealed_in_a_backup_and_the_master_key_is_not_in_it(tmp_path: Path, peer: Peer) -> None:
    config = write_files(tmp_path, [peer.entry])
    SqliteStore.open(tmp_path / "vuzol.sqlite3").close()
    keys.rotate(config)
    master = (tmp_path / "master.key").read_text(encoding="ascii").strip()
    write_secret(tmp_path / "nodes.json", registry_text([peer.entry]))  # somebody unsealed it
    file, _ = backup.take(config, tmp_path / "c.tar.gz", NOW_S)
    with tarfile.open(file) as archive:
        names = archive.getnames()
        inside = b"".join(opened.read() for name in names if (opened := archive.extractfile(name)))
    assert "master.key" not in names
    assert peer.entry.key.hex().encode() not in inside
    assert master.encode() not in inside
    backup.restore(file, config, NOW_S)
    assert keys.read_nodes(tmp_path / "nodes.json", tmp_path / "master.key") == (peer.entry,)
    (tmp_path / "master.key").unlink()
    with pytest.raises(keys.KeysError, match="which is not here"):
        keys.read_nodes(tmp_path / "nodes.json", tmp_path / "master.key")


def test_the_manifest_counts_what_is_in_it(taken: tuple[Path, Path]) -> None:
    file, _ = taken
    with tarfile.open(file) as archive:
        told = archive.extractfile("manifest.json")
        assert told is not None
        manifest = json.load(told)
    assert manifest["site"] == "demo"
    assert set(manifest["members"]) == {"vuzol.sqlite3", "nodes.json", "vuzol.toml"}


def test_a_restore_where_the_master_key_is_missing_says_so_and_a_backup_holds_no_open_second_factor(
    taken: tuple[Path, Path], tmp_path: Path
) -> None:
    file, config = taken
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    with office(config) as people:
        people.add("olena", ["administrator"], "correct horse battery")
        people.set_totp("olena", secret, pyotp.TOTP(secret).now())
    master = tmp_path / keys.MASTER_KEY
    write_secret(master, master_text([new_master()]))
    file.unlink()
    backup.take(config, file, NOW_S)
    with tarfile.open(file) as archive:
        opened = archive.extractfile(backup.DATABASE)
        assert opened is not None
        assert secret.encode() not in opened.read()
    kept = master.rename(tmp_path / "kept.key")
    backup.restore(file, config, NOW_S)
    assert keys.lacking_master_key(config) == str(master)
    kept.rename(master)
    assert keys.lacking_master_key(config) == ""
    assert keys.second_factors(configuration.load(config)) == (0, 0)
