"""The Modbus link against pymodbus's own servers on every transport, and against lines that say nonsense.

Never asserts a speed. Specification: controller/transports/modbus.py.
"""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

from controller.config import BusConfig, ConfigError
from controller.tests.modbus_line import Poll, SerialLine, gateway
from controller.tests.waiting import until
from controller.transports.modbus import Garbled, LinkLost, ModbusLink, NoAnswer, answer_size, tls_context
from controller.transports.modbus_bus import Bus
from emulation.rs485 import LiveBus

READ_THREE = bytes((3, 0, 10, 0, 3))
THREE = bytes((3, 6, 0, 1, 0, 2, 255, 255))
ONE = bytes((3, 2, 0, 7))
PATIENCE_S = 60.0


def device(unit: int) -> SimDevice:
    return SimDevice(unit, simdata=[SimData(10, values=[1, 2, 65535], datatype=DataType.REGISTERS)])


@contextlib.asynccontextmanager
async def serving(server: Any) -> AsyncIterator[int]:
    await server.listen()
    try:
        yield server.transport.sockets[0].getsockname()[1] if hasattr(server.transport, "sockets") else 0
    finally:
        await server.shutdown()


@contextlib.asynccontextmanager
async def linked(transport: str, address: str, **more: Any) -> AsyncIterator[ModbusLink]:
    config = BusConfig("test", transport, address, **more)
    link = ModbusLink(config, tls_context(config))
    await link.open()
    try:
        yield link
    finally:
        link.close()


async def test_tcp() -> None:
    server = ModbusTcpServer([device(1)], address=("127.0.0.1", 0))
    async with serving(server) as port, linked("tcp", f"127.0.0.1:{port}") as link:
        assert await link.request(1, READ_THREE, PATIENCE_S) == THREE
        assert await link.request(1, bytes((3, 1, 0, 0, 1)), PATIENCE_S) == bytes((0x83, 2))


async def test_a_unit_that_stays_silent_never_costs_the_others_their_connection() -> None:
    async with gateway({1: lambda pdu: THREE}, patience_s=0.0) as port, linked("tcp", f"127.0.0.1:{port}") as link:
        for _ in range(10):
            with pytest.raises(NoAnswer):
                await link.request(9, READ_THREE, 0.05)
        assert await link.request(1, READ_THREE, PATIENCE_S) == THREE


async def test_rtu_over_tcp() -> None:
    server = ModbusTcpServer([device(7)], address=("127.0.0.1", 0), framer=FramerType.RTU)
    async with serving(server) as port, linked("rtu_tcp", f"127.0.0.1:{port}") as link:
        assert await link.request(7, READ_THREE, PATIENCE_S) == THREE


async def test_rtu_on_a_serial_line() -> None:
    with LiveBus(38_400) as bus:
        port = bus.terminal("slave")
        server = ModbusSerialServer([device(7)], port=port, baudrate=38_400)
        path = bus.terminal("master")
        async with serving(server), linked("rtu", path, baud=38_400) as link:
            for _ in range(3):
                assert await link.request(7, READ_THREE, PATIENCE_S) == THREE


def make_certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key),
         "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


async def test_tls_with_a_certificate_that_is_checked(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ModbusTlsServer([device(1)], address=("127.0.0.1", 0), sslctx=context)
    async with serving(server) as port:
        async with linked("tls", f"localhost:{port}", ca_file=str(certificate)) as link:
            assert await link.request(1, READ_THREE, PATIENCE_S) == THREE
        with pytest.raises(LinkLost):
            async with linked("tls", f"localhost:{port}"):  # nobody vouches for it
                pass


def test_a_certificate_that_cannot_be_read_is_told_by_its_bus() -> None:
    with pytest.raises(ConfigError, match=r"bus 'x'.*nowhere\.pem"):
        tls_context(BusConfig("x", "tls", "h:802", ca_file="nowhere.pem"))


async def test_a_connection_that_ends_is_known_at_once() -> None:
    closing: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda reader, writer: closing.append(writer), "127.0.0.1", 0)
    async with server, linked("tcp", f"127.0.0.1:{server.sockets[0].getsockname()[1]}") as link:
        asyncio.get_running_loop().call_later(0.1, lambda: closing[0].close())
        with pytest.raises(LinkLost):
            await link.request(1, READ_THREE, 60)


async def test_a_bus_whose_gateway_restarts_goes_on_by_itself() -> None:
    conversation = Poll(0.05)
    async with gateway({1: lambda pdu: ONE}, patience_s=0) as port:
        config = BusConfig("test", "tcp", f"127.0.0.1:{port}")
        bus = Bus("test", ModbusLink(config), config.timeout_s, {1: conversation})
        running = asyncio.create_task(bus.run())
        await until(lambda: conversation.heard > 3)
    await until(lambda: not bus.connected)
    heard = conversation.heard
    async with gateway({1: lambda pdu: ONE}, patience_s=0, port=port):
        await until(lambda: conversation.heard > heard + 3)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert conversation.silences == 0


async def test_nobody_there_is_a_lost_link() -> None:
    with pytest.raises(LinkLost):
        async with linked("rtu", "/dev/no-such-port"):
            pass


async def test_a_stream_that_is_no_modbus_is_hung_up_on() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server, linked("tcp", f"127.0.0.1:{server.sockets[0].getsockname()[1]}") as link:
        with pytest.raises((LinkLost, NoAnswer)):
            await link.request(1, READ_THREE, PATIENCE_S)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda frame: frame[:-1] + bytes((frame[-1] ^ 1,)),
        lambda frame: frame[:3] + bytes((frame[3] ^ 0x80,)) + frame[4:],
        lambda frame: frame[:-4],
        lambda frame: b"\x00\xff\x81" + frame,
    ],
    ids=["a wrong CRC", "a flipped bit", "half a frame", "noise before it"],
)
async def test_a_damaged_answer_is_never_believed_and_the_next_one_is_whole(spoil: Any) -> None:
    async with SerialLine({7: lambda pdu: THREE}) as line, linked("rtu", line.path) as link:
        line.spoil = spoil
        with contextlib.suppress(NoAnswer):
            assert await link.request(7, READ_THREE, 0.2) == THREE  # noise may be skipped
        line.spoil = lambda frame: frame
        assert await link.request(7, READ_THREE, PATIENCE_S) == THREE


async def test_a_wrong_crc_is_told_apart_from_silence() -> None:
    async with SerialLine({7: lambda pdu: THREE}) as line, linked("rtu", line.path) as link:
        line.spoil = lambda frame: frame[:-1] + bytes((frame[-1] ^ 1,))
        with pytest.raises(Garbled):
            await link.request(7, READ_THREE, 0.2)


async def test_a_late_answer_to_another_request_is_not_taken_for_this_one() -> None:
    units = {7: lambda pdu: pdu[:1] + bytes((2 * pdu[4],)) + bytes(2 * pdu[4])}
    async with SerialLine(units) as line, linked("rtu", line.path) as link:
        line.answer_s = 0.3
        with pytest.raises(NoAnswer):
            await link.request(7, READ_THREE, 0.1)
        line.answer_s = 0.5
        with pytest.raises(Garbled):  # the first one's, with three registers
            await link.request(7, bytes((3, 0, 0, 0, 1)), PATIENCE_S)


async def test_late_answers_of_a_gateway_are_told_by_their_transaction() -> None:
    slow = [True]

    def answer(pdu: bytes) -> bytes | None:
        return None if slow.pop() else THREE

    units = {1: answer, 2: lambda pdu: THREE}
    async with gateway(units, patience_s=0.3) as port, linked("tcp", f"127.0.0.1:{port}") as link:
        with pytest.raises(NoAnswer):
            await link.request(1, READ_THREE, 0.05)
        assert await link.request(2, READ_THREE, PATIENCE_S) == THREE


@pytest.mark.parametrize(
    ("pdu", "size"),
    [
        (bytes((1, 0, 0, 0, 9)), 4),
        (bytes((4, 0, 0, 0, 2)), 6),
        (bytes((0x10, 0, 0, 0, 1, 2, 0, 0)), 5),
        (bytes((0x14, 7, 6, 0, 1, 0, 0, 0, 121)), 246),
        (bytes((0x17, 0, 0, 0, 2, 0, 0, 0, 1, 2, 0, 0)), 6),
        (bytes((0x2B, 14, 1, 0)), 0),
    ],
)
def test_the_size_of_an_answer_is_known_from_its_request(pdu: bytes, size: int) -> None:
    assert answer_size(pdu) == size
