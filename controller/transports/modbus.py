"""One Modbus connection: a request out, its answer back, as PDUs in bytes; a serial line, TCP, TLS or RTU over TCP.

Never knows what a PDU means or when to ask; a bus does that. Nothing is asked twice here.
Specification: Modbus Application Protocol V1.1b3; Modbus over serial line V1.02 (t3.5); pymodbus carries the frames.
"""

import asyncio
import logging
import ssl
import termios
from typing import Any

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient, AsyncModbusTlsClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU

from controller.config import BusConfig, ConfigError
from protocols.wire.modbus_pdu import EXCEPTION, READ_FILE_RECORD
from protocols.wire.modbus_rtu import character_us, t35_us

_NEVER = 1 << 62  # pymodbus would drop a connection after some requests without an answer: other units share it
_RTU_FRAME = 3  # unit and CRC around a PDU
_BITS_OF_EACH = {0x01: 1, 0x02: 1, 0x03: 16, 0x04: 16, 0x17: 16}  # function: of each of what it asks for
_ECHOES = (0x05, 0x06, 0x0F, 0x10)

logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # what it would say, our statistics say


class NoAnswer(Exception):
    """Nothing came in time, or nothing that can be believed."""


class Garbled(NoAnswer):
    """Something came, and it was no answer: a wrong CRC, half a frame, an answer to something else."""


class LinkLost(Exception):
    """The connection is down, or cannot be made."""


class _Raw(ModbusPDU):
    """A PDU that nobody takes apart."""

    def __init__(self, unit: int, data: bytes) -> None:
        super().__init__(dev_id=unit)
        self.function_code = data[0]
        self.data = data

    def encode(self) -> bytes:
        return self.data[1:]


class _Decoder(DecodePDU):
    """pymodbus's knowledge of how long answers are, without its reading of them."""

    def decode(self, frame: bytes) -> ModbusPDU | None:
        return _Raw(0, frame)


class _Rtu(FramerRTU):
    """pymodbus's RTU frames, and a count of those whose CRC was wrong."""

    damaged = 0

    def decode(self, data: bytes) -> tuple[int, int, int, bytes]:
        found = super().decode(data)
        if found[0] and not found[3]:
            self.damaged += 1
        return found


class ModbusLink:
    """One connection of one bus. `request` is called by one task at a time."""

    def __init__(self, config: BusConfig, tls: ssl.SSLContext | None = None) -> None:
        self._config = config
        self._tls = tls
        self._client: AsyncModbusSerialClient | AsyncModbusTcpClient | None = None
        self._quiet_s = 0.0  # when the line fell silent
        self._is_asking = False

    async def open(self) -> None:
        """Connect. Raises LinkLost."""
        client = self._make_client()
        self._client = client
        client.set_max_no_responses(_NEVER)
        try:
            connected = await client.connect()
        except (OSError, termios.error, ModbusException):
            connected = False
        if not connected:
            self.close()
            raise LinkLost(f"{self._config.address} cannot be opened")

    def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def line_s(self, pdu: bytes) -> float:
        """How long the line is taken by this request and its answer: not for a device to make shorter."""
        if self._config.transport != "rtu":
            return 0.0
        characters = len(pdu) + answer_size(pdu) + 2 * _RTU_FRAME
        return (characters * character_us(self._config.baud) + 2 * t35_us(self._config.baud)) / 1e6

    async def request(self, unit: int, pdu: bytes, timeout_s: float) -> bytes:
        """The answer to `pdu`. Raises NoAnswer, Garbled, LinkLost."""
        client = self._client
        if client is None or not client.connected:
            raise LinkLost(f"{self._config.address} hung up")
        loop = asyncio.get_running_loop()
        if self._config.transport == "rtu":
            gap_s = self._quiet_s + t35_us(self._config.baud) / 1e6 - loop.time()
            if gap_s > 0:
                await asyncio.sleep(gap_s)
        framer = client.ctx.framer
        damaged = framer.damaged if isinstance(framer, _Rtu) else 0
        client.ctx.comm_params.timeout_connect = timeout_s
        self._is_asking = True
        try:
            answer = await client.execute(False, _Raw(unit, pdu))
        except ModbusException:
            if not client.connected:
                raise LinkLost(f"{self._config.address} hung up") from None
            if isinstance(framer, _Rtu):
                if framer.damaged > damaged or client.ctx.recv_buffer:
                    raise Garbled from None
            elif client.ctx.recv_buffer:  # a stream that lost its place does not find it again
                raise LinkLost(f"{self._config.address} sends no Modbus") from None
            raise NoAnswer from None
        finally:
            self._is_asking = False
            self._quiet_s = loop.time()
        assert isinstance(answer, _Raw)
        if not fits(pdu, answer.data):
            raise Garbled
        return answer.data

    def _make_client(self) -> AsyncModbusSerialClient | AsyncModbusTcpClient:
        config = self._config
        how: dict[str, Any] = {
            "timeout": config.timeout_s,
            "retries": 0,
            "reconnect_delay": 0,
            "trace_connect": self._changed,
        }
        host, _, port = config.address.rpartition(":")
        client: AsyncModbusSerialClient | AsyncModbusTcpClient
        if config.transport == "rtu":
            parity = config.parity[0].upper()
            client = AsyncModbusSerialClient(config.address, baudrate=config.baud, parity=parity, **how)
        elif self._tls is not None:
            client = AsyncModbusTlsClient(host.strip("[]"), port=int(port), sslctx=self._tls, **how)
        else:
            client = AsyncModbusTcpClient(host.strip("[]"), port=int(port), **how)
        # pymodbus's TLS frames are read without their length, so that one in two parts would be lost: MBAP is the same.
        framer = _Rtu if config.transport in ("rtu", "rtu_tcp") else FramerSocket
        client.ctx.framer = framer(_Decoder(False))
        return client

    def _changed(self, connected: bool) -> None:
        """pymodbus lets a request wait for its time-out when the connection ends; we do not."""
        if not connected and self._is_asking and self._client is not None:
            answer = self._client.ctx.response_future
            if not answer.done():
                answer.set_exception(ModbusException("hung up"))


def answer_size(pdu: bytes) -> int:
    """Bytes of the PDU that answers a request; 0 where only the answer tells."""
    function = pdu[0]
    if function in _BITS_OF_EACH:
        return 2 + (int.from_bytes(pdu[3:5], "big") * _BITS_OF_EACH[function] + 7) // 8
    if function in _ECHOES:
        return 5
    if function == READ_FILE_RECORD:
        return 2 + sum(2 + 2 * int.from_bytes(pdu[at + 5 : at + 7], "big") for at in range(2, len(pdu), 7))
    return 0


def fits(pdu: bytes, answer: bytes) -> bool:
    """Can this be the answer to that? A late answer to an earlier request is not."""
    if answer[0] == pdu[0] | EXCEPTION:
        return len(answer) == 2
    return answer[0] == pdu[0] and answer_size(pdu) in (0, len(answer))


def tls_context(config: BusConfig) -> ssl.SSLContext | None:
    """Read the files that a TLS bus names. Raises ConfigError."""
    if config.transport != "tls":
        return None
    try:
        context = ssl.create_default_context(cafile=config.ca_file or None)
        if config.cert_file:
            context.load_cert_chain(config.cert_file, config.key_file or None)
    except (OSError, ssl.SSLError):
        files = ", ".join(filter(None, (config.ca_file, config.cert_file, config.key_file)))
        raise ConfigError(
            f"bus {config.name!r}: of {files} not all are PEM files that can be read: correct them."
        ) from None
    return context
