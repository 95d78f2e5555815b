"""Meters on the modelled M-Bus: transcripts of the standard's procedures, and an independent client over a pty."""

import os
import threading
import time
import tty
from collections.abc import Iterator

import meterbus
import pytest
import serial

from emulation.peripherals.clock import ManualClock
from emulation.peripherals.mbus_line import MBusLine, MBusMeter
from protocols.wire.errors import MalformedFrame
from protocols.wire.mbus import frame, records, telegram
from protocols.wire.mbus.master import select

ENERGY = bytes.fromhex("0C06 78563412")  # 12 345 678 kWh
VOLUME = bytes.fromhex("0C13 21430000")  # 4.321 m³
LONG_ANSWER_US = 2_000_000


def line_of(*meters: MBusMeter, baud: int = 2400) -> tuple[ManualClock, MBusLine, list[bytes]]:
    clock = ManualClock()
    line = MBusLine(clock, meters, baud)
    heard: list[bytes] = []
    line.on_output = heard.append
    return clock, line, heard


def ask(clock: ManualClock, line: MBusLine, heard: list[bytes], request: bytes) -> bytes:
    heard.clear()
    line.feed(request)
    clock.advance(LONG_ANSWER_US)
    return b"".join(heard)


def heat_meter(address: int = 5, number: str = "12345678", *telegrams: bytes) -> MBusMeter:
    return MBusMeter(address, number, lambda: telegrams or (ENERGY + VOLUME,))


NKE_5 = frame.build_short(frame.SND_NKE, 5)
ASK_5 = frame.build_short(frame.REQ_UD2 | frame.FCB, 5)
ASK_5_AGAIN = frame.build_short(frame.REQ_UD2, 5)


def test_a_meter_answers_its_primary_address_alone() -> None:
    bench = line_of(heat_meter())
    assert ask(*bench, NKE_5) == b"\xe5"
    assert ask(*bench, frame.build_short(frame.SND_NKE, 6)) == b""
    answer = frame.parse(ask(*bench, ASK_5))
    assert answer is not None
    told = telegram.parse(answer)
    assert told.header.id == "12345678"
    assert [(records.value(record), record.unit) for record in told.records] == [(12_345_678_000, "Wh"), (4.321, "m^3")]


def test_the_same_fcb_asks_for_the_same_telegram_and_the_other_for_the_next() -> None:
    bench = line_of(heat_meter(5, "12345678", ENERGY + b"\x1f", VOLUME))
    ask(*bench, NKE_5)
    first = ask(*bench, ASK_5)
    assert ask(*bench, ASK_5) == first
    second = ask(*bench, ASK_5_AGAIN)
    assert VOLUME in second
    assert ENERGY not in second


def test_a_meter_is_selected_by_its_number_and_wildcards() -> None:
    bench = line_of(heat_meter(5, "12345678"), heat_meter(6, "12999999"))
    ask_selected = frame.build_short(frame.REQ_UD2 | frame.FCB, frame.SECONDARY)
    assert ask(*bench, select("99FFFFFF")) == b""
    assert ask(*bench, ask_selected) == b""
    assert ask(*bench, select("123FFFFF")) == b"\xe5"
    answer = frame.parse(ask(*bench, ask_selected))
    assert answer is not None
    assert telegram.parse(answer).header.id == "12345678"


def test_two_that_answer_at_once_are_heard_as_garbage() -> None:
    bench = line_of(heat_meter(5, "12345678"), heat_meter(5, "11111111"))
    for request in (NKE_5, ASK_5):
        heard = ask(*bench, request)
        assert heard
        with pytest.raises(MalformedFrame):
            frame.parse(heard)


def test_two_that_answer_in_the_very_same_moment_may_be_heard_as_one() -> None:
    meters = heat_meter(5, "12345678"), heat_meter(5, "11111111")
    for meter in meters:
        meter.answer_bits = 20
    assert ask(*line_of(*meters), NKE_5) == b"\xe5"


def test_faults_are_heard() -> None:
    meter = heat_meter()
    bench = line_of(meter)
    good = ask(*bench, ASK_5)
    meter.stale = True
    assert ask(*bench, ASK_5_AGAIN) == good
    meter.wrong_checksum = True
    with pytest.raises(MalformedFrame, match="checksum"):
        frame.parse(ask(*bench, ASK_5))
    meter.silent = True
    assert ask(*bench, ASK_5) == b""


def test_an_answer_takes_the_time_of_its_bits() -> None:
    clock, line, heard = line_of(heat_meter(), baud=300)
    line.feed(NKE_5)
    bits = line.meters[0].answer_bits + 11
    clock.advance(bits * 1_000_000 // 300 - 1_000)
    assert heard == []
    clock.advance(2_000)
    assert heard == [b"\xe5"]


def test_what_is_no_frame_is_forgotten_after_a_pause() -> None:
    clock, line, heard = line_of(heat_meter())
    line.feed(b"\x68\x03")
    clock.advance(500_000)
    assert ask(clock, line, heard, NKE_5) == b"\xe5"


class RealTimeLine:
    """The modelled line behind a pty, in real time, for a client that opens a serial port."""

    def __init__(self, *meters: MBusMeter) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._slave = slave
        self._clock, self._line, _ = line_of(*meters)
        self._line.on_output = self._speak
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        os.set_blocking(self._master, False)
        self._thread.start()

    def _speak(self, data: bytes) -> None:
        os.write(self._master, data)

    def _serve(self) -> None:
        while not self._ends.is_set():
            try:
                self._line.feed(os.read(self._master, 512))
            except BlockingIOError:
                time.sleep(0.002)
            self._clock.advance(2_000)

    def close(self) -> None:
        self._ends.set()
        self._thread.join()
        os.close(self._slave)
        os.close(self._master)


@pytest.fixture
def port() -> Iterator[serial.Serial]:
    line = RealTimeLine(heat_meter(5, "12345678", ENERGY + b"\x1f", VOLUME), heat_meter(6, "87654321"))
    with serial.Serial(line.path, 2400, timeout=1.5) as opened:
        yield opened
    line.close()


def test_an_independent_client_reads_our_meter_by_its_primary_address(port: serial.Serial) -> None:
    meterbus.send_ping_frame(port, 6)
    assert meterbus.recv_frame(port, 1) == b"\xe5"
    meterbus.send_request_frame(port, 6)
    told = meterbus.load(meterbus.recv_frame(port, meterbus.FRAME_DATA_LENGTH))
    assert told.secondary_address[:8] == "87654321"
    assert told.manufacturer == "ELS"
    assert [(float(record.parsed_value), record.unit) for record in told.records] == [
        (12_345_678_000.0, "Wh"),
        (pytest.approx(4.321), "m^3"),
    ]


def test_an_independent_client_reads_our_meter_by_its_number_and_every_telegram(port: serial.Serial) -> None:
    meterbus.send_select_frame(port, "12345678FFFFFFFF")
    assert meterbus.recv_frame(port, 1) == b"\xe5"
    request = meterbus.send_request_frame_multi(port, meterbus.ADDRESS_NETWORK_LAYER)
    first = meterbus.load(meterbus.recv_frame(port, meterbus.FRAME_DATA_LENGTH))
    assert first.more_records_follow
    request.header.cField.parts[0] ^= meterbus.CONTROL_MASK_FCB
    meterbus.send_request_frame_multi(port, req=request)
    second = meterbus.load(meterbus.recv_frame(port, meterbus.FRAME_DATA_LENGTH))
    assert not second.more_records_follow
    assert [float(record.parsed_value) for record in second.records] == [pytest.approx(4.321)]
