"""Who may do what on a real broker, nats-server and mosquitto: with a password, with a certificate, revoked, as nobody.

Never trusts a broker's word: what counts is what the other clients hear. Specification: README.md, "Broker".
"""

import asyncio
import contextlib
import json
import secrets
import shutil
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import aiomqtt
import pytest

from controller.admin.ca import Authority
from controller.config import MqttConfig, RelayAccessConfig
from controller.secret_files import write_secret
from controller.tests.peer import make_entry
from controller.tests.waiting import until
from controller.transports.broker import Broker
from controller.transports.broker_access import (
    CONTROLLER,
    guests,
    mosquitto_acl,
    mosquitto_passwords,
    nats_authorization,
)
from protocols.provisioning import NodeEntry
from protocols.wire import mqtt_access, topics

NODES = [make_entry(number) for number in (0xA1, 0xA2, 0xA3)]
THIRD = NODES[2].node.hex()
PATIENCE_S = 60.0
SILENCE_S = 3.0  # a broker may refuse by saying nothing
QUIET_S = 0.3
FORBIDDEN_TO_READ = ["vuzol/#", "#", "+/+/+/+/+", "$SYS/#", "$SYS/broker/version", "$MQTT/sub/#", "$JS/#", "_INBOX/#"]


class Clients:
    """The people at one broker. A name has a password, or a certificate from the authority's folder."""

    def __init__(self, port: int, passwords: dict[str, str], ca: Path | None, certificates: bool) -> None:
        self._port = port
        self._passwords = passwords
        self._ca = ca
        self.certificates = certificates
        self._open = contextlib.AsyncExitStack()
        self._hearing: list[asyncio.Task[None]] = []

    async def enter(
        self, name: str | None, *, password: str | None = None, card: str | None = None, wait_s: float = PATIENCE_S
    ) -> "Client":
        """Raises aiomqtt.MqttError when the broker refuses. `card`: another file's certificate."""
        tls = None
        if self._ca is not None:
            tls = ssl.create_default_context(cafile=self._ca / "authority.pem")
            if self.certificates and name is not None:
                tls.load_cert_chain(self._ca / f"{card or name}.crt", self._ca / f"{card or name}.key")
        client = aiomqtt.Client(
            "127.0.0.1",
            self._port,
            identifier=f"{name}-{secrets.token_hex(4)}",
            username=None if self.certificates else name,
            password=password if self.certificates or name is None or password is not None else self._passwords[name],
            tls_context=tls,
            timeout=wait_s,
        )
        await self._open.enter_async_context(client)
        one = Client(client)
        self._hearing.append(asyncio.create_task(one.hear()))
        return one

    async def refuses(self, name: str | None, *, password: str | None = None, card: str | None = None) -> None:
        """Now, or as soon as the broker has read its files again."""
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(aiomqtt.MqttError):
                while True:
                    await self.enter(name, password=password, card=card, wait_s=SILENCE_S)

    async def close(self) -> None:
        for task in self._hearing:
            task.cancel()
        with contextlib.suppress(aiomqtt.MqttError):
            await self._open.aclose()


class Client:
    """One that is in, and what it heard."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self.heard: list[tuple[str, bytes]] = []
        self.is_out = asyncio.Event()

    async def hear(self) -> None:
        try:
            async for message in self._client.messages:
                assert isinstance(message.payload, bytes)
                self.heard.append((message.topic.value, message.payload))
        except aiomqtt.MqttError:
            self.is_out.set()

    async def listen(self, *names: str) -> None:
        """A broker may refuse at once, or never send anything: both are a no."""
        for name in names:
            with contextlib.suppress(aiomqtt.MqttError):
                await self._client.subscribe(name, qos=1, timeout=SILENCE_S)

    async def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Acknowledged or not: what counts is who hears it."""
        with contextlib.suppress(aiomqtt.MqttError):
            await self._client.publish(topic, payload, qos=1, retain=retain, timeout=SILENCE_S)

    async def until(self, *expected: tuple[str, bytes]) -> None:
        """These were heard, in any order, and nothing else."""
        await until(lambda: len(self.heard) >= len(expected), PATIENCE_S)
        await asyncio.sleep(QUIET_S)
        assert sorted(self.heard) == sorted(expected)


class World:
    """A broker, and how its guests change."""

    def __init__(
        self, clients: Clients, admit: Callable[[Sequence[NodeEntry]], None], *, keeps_certificates: bool = False
    ) -> None:
        self.clients = clients
        self.admit = admit
        self.keeps_certificates = keeps_certificates


def topic(entry: NodeEntry, leaf: str) -> str:
    return topics.topic(entry.site, entry.node, leaf)


@contextlib.asynccontextmanager
async def nats(folder: Path, ca: Path | None, certificates: bool, passwords: dict[str, str]) -> AsyncIterator[World]:
    def authorization(entries: Sequence[NodeEntry]) -> str:
        good = None
        if certificates:
            assert ca is not None
            good = {one.serial: one.name for one in Authority(ca).issued if not one.revoked_s}
        return nats_authorization(guests(entries, [relay(folder)], passwords[CONTROLLER]), good)

    config = MqttConfig(
        port=0,
        tls=ca is not None,
        ca_file=str(ca / "authority.pem") if ca else "",
        server_cert=str(ca / "broker.crt") if ca else "",
        server_key=str(ca / "broker.key") if ca else "",
        certificates=str(ca / "issued.json") if ca and certificates else "",
        cert_file=str(ca / "controller.crt") if ca else "",
        key_file=str(ca / "controller.key") if ca else "",
    )
    broker = Broker(config, folder / "nats", authorization(NODES))
    await broker.start()
    clients = Clients(broker.port, passwords, ca, certificates)
    try:
        yield World(clients, lambda entries: broker.admit(authorization(entries)))
    finally:
        await clients.close()
        await broker.stop()


@contextlib.asynccontextmanager
async def mosquitto(
    folder: Path, ca: Path | None, certificates: bool, passwords: dict[str, str]
) -> AsyncIterator[World]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])

    def write(entries: Sequence[NodeEntry]) -> None:
        found = guests(entries, [relay(folder)], passwords[CONTROLLER])
        write_secret(folder / "acl", mosquitto_acl(found))
        write_secret(folder / "passwords", mosquitto_passwords(found))

    write(NODES)
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous false", f"acl_file {folder}/acl"]
    if not certificates:
        lines += [f"password_file {folder}/passwords"]
    if ca:
        lines += [f"certfile {ca}/broker.crt", f"keyfile {ca}/broker.key"]
    if ca and certificates:
        lines += [f"cafile {ca}/authority.pem", f"crlfile {ca}/crl.pem"]
        lines += ["require_certificate true", "use_identity_as_username true"]
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\nuser root\n", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        program,
        "-c",
        str(folder / "mosquitto.conf"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(OSError):
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                break
            await asyncio.sleep(0.02)
    clients = Clients(port, passwords, ca, certificates)

    def admit(entries: Sequence[NodeEntry]) -> None:
        write(entries)
        process.send_signal(1)

    try:
        yield World(clients, admit, keeps_certificates=certificates)
    finally:
        await clients.close()
        process.terminate()
        await process.wait()


def relay(folder: Path) -> RelayAccessConfig:
    """It speaks for the third node."""
    return RelayAccessConfig("cellar", (THIRD,), str(folder / "cellar.password"))


@pytest.fixture(params=["nats", "mosquitto"])
def broker(request: pytest.FixtureRequest) -> Callable[..., contextlib.AbstractAsyncContextManager[World]]:
    return {"nats": nats, "mosquitto": mosquitto}[request.param]


@pytest.fixture
def passwords(tmp_path: Path) -> dict[str, str]:
    found = {entry.node.hex(): mqtt_access.password(entry.key) for entry in NODES}
    found |= {CONTROLLER: secrets.token_hex(16), "cellar": secrets.token_hex(16)}
    write_secret(tmp_path / "cellar.password", found["cellar"] + "\n")
    return found


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    authority = Authority(folder, b"a passphrase of the test")
    authority.init("town", 3650, time.time())
    authority.issue("broker", "server", ["127.0.0.1"], 90, time.time())
    authority.issue(CONTROLLER, "controller", [], 90, time.time())
    authority.issue("cellar", "relay", [], 90, time.time())
    for entry in NODES:
        authority.issue(entry.node.hex(), "node", [], 90, time.time())
    return folder


@pytest.fixture(params=["password", "password_and_tls", "certificate"])
async def world(
    request: pytest.FixtureRequest,
    broker: Callable[..., contextlib.AbstractAsyncContextManager[World]],
    tmp_path: Path,
    passwords: dict[str, str],
    ca: Path,
) -> AsyncIterator[World]:
    how = request.param
    async with broker(tmp_path, None if how == "password" else ca, how == "certificate", passwords) as one:
        yield one


async def test_a_node_reaches_its_own_topics_and_no_others(world: World) -> None:
    node, other, controller = [
        await world.clients.enter(one) for one in (NODES[0].node.hex(), NODES[1].node.hex(), CONTROLLER)
    ]
    await controller.listen(topics.ALL_UP, topics.ALL_STATE)
    await other.listen(topic(NODES[1], "down"))
    await node.listen(topic(NODES[0], "down"), topic(NODES[1], "down"), topic(NODES[1], "up"), topic(NODES[0], "up"))
    await node.listen(*FORBIDDEN_TO_READ)
    for entry in NODES[1:]:
        for leaf in ("up", "state", "down"):
            await node.say(topic(entry, leaf), b"forged", retain=True)
    await node.say(topic(NODES[0], "down"), b"a receipt of its own")
    for name in ("$SYS/x", "$MQTT/sub/x", "vuzol/1/other/x/up"):
        await node.say(name, b"forged")
    await node.say(topic(NODES[0], "state"), b"online", retain=True)
    await node.say(topic(NODES[0], "up"), b"a batch")
    await other.say(topic(NODES[1], "up"), b"another")
    await controller.say(topic(NODES[0], "down"), b"receipt")
    await controller.say(topic(NODES[1], "down"), b"receipt")
    await controller.until(
        (topic(NODES[0], "state"), b"online"), (topic(NODES[0], "up"), b"a batch"), (topic(NODES[1], "up"), b"another")
    )
    await node.until((topic(NODES[0], "down"), b"receipt"))
    await other.until((topic(NODES[1], "down"), b"receipt"))
    late = await world.clients.enter(CONTROLLER)
    await late.listen(topics.ALL_STATE)
    await late.until((topic(NODES[0], "state"), b"online"))


async def test_a_relay_reaches_the_topics_of_its_units_and_no_others(world: World) -> None:
    cellar, controller = await world.clients.enter("cellar"), await world.clients.enter(CONTROLLER)
    await controller.listen(topics.ALL_UP, topics.ALL_STATE)
    await cellar.listen(topic(NODES[2], "down"), topic(NODES[0], "down"), topics.ALL_UP, *FORBIDDEN_TO_READ)
    await cellar.say(topic(NODES[0], "up"), b"forged")
    await cellar.say(topic(NODES[2], "up"), b"a batch")
    await controller.say(topic(NODES[0], "down"), b"for another")
    await controller.say(topic(NODES[2], "down"), b"receipt")
    await controller.until((topic(NODES[2], "up"), b"a batch"))
    await cellar.until((topic(NODES[2], "down"), b"receipt"))


async def test_nobody_comes_in_without_a_name_of_the_registry(world: World) -> None:
    await world.clients.refuses(None)
    if not world.clients.certificates:
        for name, password in (
            (NODES[0].node.hex(), "wrong"),
            ("stranger", "any"),
            (CONTROLLER, "controller"),
            ("", ""),
        ):
            await world.clients.refuses(name, password=password)


async def test_a_node_that_leaves_the_registry_is_out_and_nobody_else_notices(world: World) -> None:
    node, leaving, controller = [
        await world.clients.enter(one) for one in (NODES[0].node.hex(), NODES[1].node.hex(), CONTROLLER)
    ]
    await controller.listen(topics.ALL_UP)
    world.admit([NODES[0], NODES[2]])
    if world.keeps_certificates:  # whoever has one may come in, but there is nothing that he may do
        async with asyncio.timeout(PATIENCE_S):
            while True:  # until the broker has read its files again
                controller.heard.clear()
                await leaving.say(topic(NODES[1], "up"), b"not any more")
                await asyncio.sleep(QUIET_S)
                if not controller.heard:
                    break
    else:
        async with asyncio.timeout(PATIENCE_S):
            await leaving.is_out.wait()
        await world.clients.refuses(NODES[1].node.hex())
    await node.say(topic(NODES[0], "up"), b"still here")
    await controller.until((topic(NODES[0], "up"), b"still here"))


async def test_a_revoked_certificate_is_refused_and_a_new_one_for_the_same_node_is_good(
    broker: Callable[..., contextlib.AbstractAsyncContextManager[World]],
    tmp_path: Path,
    passwords: dict[str, str],
    ca: Path,
) -> None:
    own = tmp_path / "authority"
    shutil.copytree(ca, own)
    authority = Authority(own, b"a passphrase of the test")
    name = NODES[0].node.hex()
    async with broker(tmp_path, own, True, passwords) as world:
        stolen = await world.clients.enter(name)
        for end in ("crt", "key"):
            shutil.copy(own / f"{name}.{end}", own / f"stolen.{end}")
        authority.revoke(name, time.time())
        authority.issue(name, "node", [], 90, time.time())
        world.admit(NODES)
        if broker is nats:
            async with asyncio.timeout(PATIENCE_S):
                await stolen.is_out.wait()
        await world.clients.refuses(name, card="stolen")
        node, controller = await world.clients.enter(name), await world.clients.enter(CONTROLLER)
        await controller.listen(topics.ALL_UP)
        await node.say(topic(NODES[0], "up"), b"with the new one")
        await controller.until((topic(NODES[0], "up"), b"with the new one"))


async def test_two_authorities_are_believed_while_one_takes_the_others_place(
    broker: Callable[..., contextlib.AbstractAsyncContextManager[World]],
    tmp_path: Path,
    passwords: dict[str, str],
    ca: Path,
) -> None:
    own = tmp_path / "authority"
    shutil.copytree(ca, own)
    authority = Authority(own, b"a passphrase of the test")
    authority.renew("town", 3650, time.time())
    authority.renew(NODES[1].node.hex(), 90, time.time())
    async with broker(tmp_path, own, True, passwords) as world:
        for entry in NODES[:2]:
            await world.clients.enter(entry.node.hex())
    authority.renew("broker", 90, time.time())
    authority.revoke("town", time.time())
    async with broker(tmp_path, own, True, passwords) as world:
        await world.clients.enter(NODES[1].node.hex())
        await world.clients.refuses(NODES[0].node.hex())


def test_a_password_is_nowhere_in_what_the_brokers_read(passwords: dict[str, str], tmp_path: Path) -> None:
    found = guests(NODES, [relay(tmp_path)], passwords[CONTROLLER])
    written = nats_authorization(found, None) + mosquitto_passwords(found) + mosquitto_acl(found) + repr(found)
    assert not [name for name, password in passwords.items() if password in written]
    assert not [entry for entry in NODES if entry.key.hex() in written]
    users = json.loads(nats_authorization(found, None).removeprefix("authorization "))["users"]
    assert [one["user"] for one in users] == [CONTROLLER, *(entry.node.hex() for entry in NODES), "cellar"]
