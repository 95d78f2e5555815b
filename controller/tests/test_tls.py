"""A real controller with TLS on every door, and a real MicroPython node that comes in by its certificate.

Never turns a check of a certificate off. Specification: controller/admin/README.md, "Certificates".
"""

import asyncio
import contextlib
import json
import shutil
import socket
import ssl
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.admin import mosquitto
from controller.admin.ca import Authority
from controller.tests.peer import make_entry
from controller.tests.process import Controller, controlling, write_files
from controller.tests.waiting import until
from emulation.launch import NodeHandle, start
from emulation.town.reconcile import read_journal
from protocols.provisioning import settings_dict

ENTRY = make_entry(0xA1, vehicle=17)
NODE = ENTRY.node.hex()
PASSPHRASE = b"a passphrase of the test"
PATIENCE_S = 60.0
HTTPS = "[http]\nport = 0\ntls_cert = 'ca/page.crt'\ntls_key = 'ca/page.key'\n"
MQTT = "[mqtt]\nport = 0\ntls = true\nserver_cert = 'ca/broker.crt'\nserver_key = 'ca/broker.key'\n"
CERTIFICATES = (
    "ca_file = 'ca/authority.pem'\ncertificates = 'ca/issued.json'\n"
    "cert_file = 'ca/controller.crt'\nkey_file = 'ca/controller.key'\n"
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    one = Authority(tmp_path / "ca", PASSPHRASE)
    one.init("town", 3650, time.time())
    for name in ("page", "broker"):
        one.issue(name, "server", ["127.0.0.1", "localhost"], 90, time.time())
    one.issue("controller", "controller", [], 90, time.time())
    one.issue(NODE, "node", [], 90, time.time())
    return one


def launch(folder: Path, port: int, **uplink: Any) -> NodeHandle:
    """A validator whose authority stands in its settings, and whose other files lie beside them."""
    ca = folder / "ca"
    told = {"transport": "mqtt", "host": "127.0.0.1", "port": port, "tls": True}
    told |= {"ca": (ca / "authority.pem").read_text(encoding="ascii")} | uplink
    config = {"vehicle": 17, "door": 1, "city_key": "5a" * 32}
    own = folder / "node"
    own.mkdir(exist_ok=True)
    for end in ("crt", "key"):
        shutil.copy(ca / f"{NODE}.{end}", own / f"node.{end}")
    return start("unix", ENTRY.kind, settings_dict(ENTRY, language="en", uplink=told, config=config), own)


async def settled(node: NodeHandle) -> None:
    """Until it holds receipts for all that it has."""
    for _ in range(int(PATIENCE_S * 5)):
        journal = read_journal(node.flash_image())
        if journal.settled and journal.receipted:
            return
        await asyncio.sleep(0.2)
    raise AssertionError("some records have no receipt")


@contextlib.asynccontextmanager
async def secured(folder: Path, more: str = "") -> AsyncIterator[Controller]:
    async with controlling(write_files(folder, [ENTRY], HTTPS + MQTT + more)) as controller:
        yield controller


async def test_a_node_with_its_password_comes_in_by_tls_and_is_receipted(tmp_path: Path, authority: Authority) -> None:
    assert authority.good(NODE)
    async with secured(tmp_path) as controller:
        with launch(tmp_path, controller.mqtt_port) as node:
            await settled(node)


async def test_a_node_with_a_certificate_is_receipted_until_it_is_revoked_and_again_with_a_new_one(
    tmp_path: Path, authority: Authority
) -> None:
    async with secured(tmp_path, CERTIFICATES) as controller:
        with launch(tmp_path, controller.mqtt_port, cert="node.crt", key="node.key") as node:
            await settled(node)
            authority.revoke(NODE, time.time())
            await asyncio.to_thread(node.wait_console, "link: ", PATIENCE_S)
            authority.issue(NODE, "node", [], 90, time.time())
            for end in ("crt", "key"):
                shutil.copy(tmp_path / "ca" / f"{NODE}.{end}", tmp_path / "node" / f"node.{end}")
            await until(lambda: node.console.count("link: up") == 2, PATIENCE_S)
            await settled(node)


async def test_controller_and_node_come_to_a_mosquitto_by_their_certificates(
    tmp_path: Path, authority: Authority
) -> None:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    ours = "ca_file = 'ca/authority.pem'\ncert_file = 'ca/controller.crt'\nkey_file = 'ca/controller.key'\n"
    config = write_files(
        tmp_path, [ENTRY], f"[http]\nport = 0\n[mqtt]\nembedded = false\nport = {port}\ntls = true\n{ours}"
    )
    mosquitto.write(config, tmp_path / "broker")
    for name in ("authority.pem", "crl.pem", "broker.crt", "broker.key"):
        shutil.copy(tmp_path / "ca" / name, tmp_path / "broker" / name)
    listener = (
        (tmp_path / "broker" / "listener.conf")
        .read_text(encoding="utf-8")
        .replace(f"listener {port}", f"listener {port} 127.0.0.1")
    )
    lines = [line.removeprefix("#") for line in listener.splitlines() if not line.startswith(("# ", "password_file"))]
    (tmp_path / "mosquitto.conf").write_text("\n".join([*lines, "user root", ""]), encoding="utf-8")
    broker = await asyncio.create_subprocess_exec(
        *(program, "-c", str(tmp_path / "mosquitto.conf")), stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        async with controlling(config):
            with launch(tmp_path, port, cert="node.crt", key="node.key") as node:
                await settled(node)
        assert authority.good(NODE)
    finally:
        broker.terminate()
        await broker.wait()


@pytest.mark.parametrize(
    ("told", "uplink"),
    [("does not match", {"server_name": "another.town"}), ("uplink.ca is no PEM", {"ca": ""})],
)
async def test_a_node_sends_nothing_to_a_broker_that_is_not_the_one_and_goes_on_working(
    tmp_path: Path, authority: Authority, told: str, uplink: dict[str, str]
) -> None:
    assert authority.good(NODE)
    async with secured(tmp_path) as controller:
        with launch(tmp_path, controller.mqtt_port, **uplink) as node:
            await asyncio.to_thread(node.wait_console, told, PATIENCE_S)
            assert not read_journal(node.flash_image()).receipted
            await asyncio.to_thread(node.wait_light, "blue", PATIENCE_S)
            assert node.alive


async def test_the_page_is_served_by_tls_alone_and_takes_a_renewed_certificate_without_a_restart(
    tmp_path: Path, authority: Authority
) -> None:
    async with secured(tmp_path) as controller:
        told = json.loads((tmp_path / "data" / "ready.json").read_text(encoding="utf-8"))
        assert told["url"] == f"https://127.0.0.1:{controller.http_port}"
        async with httpx.AsyncClient(verify=_believing(tmp_path), trust_env=False) as client:
            answer = await client.get(f"{told['url']}/healthz")
            assert answer.is_success
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.TransportError):
                await client.get(f"http://127.0.0.1:{controller.http_port}/healthz")
        before = await _serial(tmp_path, controller)
        authority.renew("page", 90, time.time())
        for _ in range(int(PATIENCE_S * 2)):
            if await _serial(tmp_path, controller) != before:
                break
            await asyncio.sleep(0.5)
        else:
            raise AssertionError("the old certificate is still shown")


def _believing(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=folder / "ca" / "authority.pem")


async def _serial(folder: Path, controller: Controller) -> str:
    _, writer = await asyncio.open_connection("127.0.0.1", controller.http_port, ssl=_believing(folder))
    shown = writer.get_extra_info("peercert")
    writer.close()
    return str(shown["serialNumber"])
