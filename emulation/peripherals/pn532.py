"""A PN532 reader chip: takes a host's frames, works for as long as the real chip would, and hands frames back.
It must never know which bus or backend carries the frames, nor what a card means.
Specification: UM0701-02 (user manual), AN10609 (the chip starts in low-battery mode), ISO/IEC 14443-3 type A.
"""

from collections.abc import Callable
from dataclasses import dataclass

from emulation.peripherals import pn532_frames
from emulation.peripherals.cards import AuthenticationFailed, Card, NoAnswer
from emulation.peripherals.ports import Alarm, Clock
from emulation.peripherals.rf_field import RfField

# Times. The manual gives a host 15 ms to wait for the acknowledgement; the chip takes about one. RF and selection
# are the published stage budget of a validator (25 ms until the card is energised and has answered, 30 ms selection).
ACK_US = 1_000
COMMAND_US = 1_000
RF_US = 25_000
SELECT_US = 30_000
ATTEMPT_US = 5_000  # one polling attempt without a card
EXCHANGE_US = 5_000
EXCHANGE_BYTE_US = 85  # 106 kbit/s, 9 bits a byte

FIRMWARE_VERSION = bytes((0x32, 0x01, 0x06, 0x07))  # IC PN532, version 1.6, ISO 14443 A and B, ISO 18092
RETRY_FOR_EVER = 0xFF

# Error codes (§7.1)
OK = 0x00
TIMEOUT = 0x01
MIFARE_AUTHENTICATION = 0x14
WRONG_CONTEXT = 0x27

MORE_INFORMATION = 0x40  # of the target number: chained data, which this model refuses
AUTOMATIC_RATS = 0x10  # SetParameters
ISO_DEP = 0x20  # SAK
TYPE_A_106 = 0x00  # BrTy


class SyntaxRefused(Exception):
    """The host gets the error frame: an unknown command, wrong parameters, or not now."""


@dataclass
class Search:
    """An InListPassiveTarget under way."""

    max_targets: int
    deadline_us: int | None  # None polls for ever
    started_us: int


class Pn532:
    def __init__(self, clock: Clock, field: RfField) -> None:
        self._clock = clock
        self._field = field
        field.on_change = self._field_changed
        self._commands: dict[int, Callable[[bytes], None]] = {
            0x00: self._diagnose,
            0x02: lambda _: self._answer(FIRMWARE_VERSION),
            0x04: self._general_status,
            0x12: self._set_parameters,
            0x14: self._sam_configuration,
            0x16: self._power_down,
            0x32: self._rf_configuration,
            0x40: self._in_data_exchange,
            0x42: self._in_communicate_thru,
            0x44: self._in_release,  # InDeselect: the card keeps its place, which makes no difference here
            0x4A: self._in_list_passive_target,
            0x52: self._in_release,
        }
        self._low_battery_commands = {0x00, 0x02, 0x04, 0x12, 0x14, 0x16}
        self._pending: list[Alarm] = []
        self.longest_search_us = 0  # how long to search a field that has long been empty, if the retries end earlier
        self.power(True)

    def power(self, on: bool) -> None:
        self._stop_command()
        self.powered = on
        self.low_battery = True
        self._last = pn532_frames.SYNTAX_ERROR
        self._passive_retries = RETRY_FOR_EVER  # the manual's default of MxRtyPassiveActivation
        self._automatic_rats = True
        self._field_on_us: int | None = None
        self._targets: dict[int, tuple[Card, int]] = {}

    # The host's side

    @property
    def ready(self) -> bool:
        """A frame waits for the host."""
        return bool(self._out)

    @property
    def searching(self) -> bool:
        """Nothing waits for the host, and something will: the search has an end."""
        return not self._out and self._search is not None and self._search.deadline_us is not None

    def head(self) -> bytes:
        """The waiting frame, without taking it away."""
        return self._out[0]

    def take(self) -> None:
        """The host has read (from) the waiting frame: it is gone, NACK brings the last answer back."""
        del self._out[0]

    def receive(self, written: bytes) -> None:
        """What the host wrote in one transfer. A new command or an ACK ends the one under way (§6.2.2)."""
        frame = pn532_frames.parse(written)
        if frame is None:
            return
        if frame.kind == "nack":
            self._out.insert(0, self._last)
            return
        self._stop_command()
        if frame.kind == "ack":
            return
        self._after(ACK_US, lambda: self._out.append(pn532_frames.ACK))
        self._code = frame.data[0]
        try:
            if self._code not in self._commands:
                raise SyntaxRefused
            if self.low_battery and self._code not in self._low_battery_commands:
                raise SyntaxRefused
            self._commands[self._code](frame.data[1:])
        except SyntaxRefused:
            self._after(ACK_US + COMMAND_US, lambda: self._put(pn532_frames.SYNTAX_ERROR))

    def _stop_command(self) -> None:
        for alarm in self._pending:
            alarm.cancel()
        self._pending = []
        self._out: list[bytes] = []
        self._search: Search | None = None
        self._code = 0

    def _after(self, delay_us: int, action: Callable[[], None]) -> None:
        self._pending.append(self._clock.call_at(self._clock.now_us() + delay_us, action))

    def _put(self, frame: bytes) -> None:
        self._last = frame
        self._out.append(frame)

    def _answer_now(self, data: bytes) -> None:
        self._search = None
        self._put(pn532_frames.information(bytes((self._code + 1,)) + data))

    def _answer(self, data: bytes = b"", work_us: int = COMMAND_US) -> None:
        self._after(ACK_US + work_us, lambda: self._answer_now(data))

    # Commands (§7.2, §7.3)

    def _diagnose(self, parameters: bytes) -> None:
        if parameters[:1] != b"\x00":  # the communication line test alone
            raise SyntaxRefused
        self._answer(parameters)

    def _general_status(self, _parameters: bytes) -> None:
        targets = b"".join(bytes((number, 0, 0, 0)) for number in self._targets)
        field_on = self._field_on_us is not None
        self._answer(bytes((OK, field_on, len(self._targets))) + targets + bytes((0x00,)))

    def _set_parameters(self, parameters: bytes) -> None:
        if len(parameters) != 1:
            raise SyntaxRefused
        self._automatic_rats = bool(parameters[0] & AUTOMATIC_RATS)
        self._answer()

    def _sam_configuration(self, parameters: bytes) -> None:
        if not parameters or not 1 <= parameters[0] <= 4:
            raise SyntaxRefused
        self.low_battery = False
        self._answer()

    def _power_down(self, parameters: bytes) -> None:
        """Soft power-down: the field goes off; being addressed again wakes the chip, which keeps its settings."""
        if not parameters:
            raise SyntaxRefused
        self._answer(bytes((OK,)))
        self._field_on_us = None
        self._targets = {}

    def _rf_configuration(self, parameters: bytes) -> None:
        if len(parameters) < 2:
            raise SyntaxRefused
        item, data = parameters[0], parameters[1:]
        if item == 0x01:
            self._switch_field(bool(data[0] & 1))
        elif item == 0x05:  # MxRtyATR, MxRtyPSL, MxRtyPassiveActivation
            if len(data) != 3:
                raise SyntaxRefused
            self._passive_retries = data[2]
        elif item not in (0x02, 0x04, 0x0A, 0x0B, 0x0C, 0x0D):
            raise SyntaxRefused
        self._answer()

    def _switch_field(self, on: bool) -> None:
        if not on:
            self._field_on_us = None
            self._targets = {}
        elif self._field_on_us is None:
            self._field_on_us = self._clock.now_us()

    def _in_list_passive_target(self, parameters: bytes) -> None:
        if len(parameters) < 2 or not 1 <= parameters[0] <= 2:
            raise SyntaxRefused
        max_targets, modulation = parameters[0], parameters[1]
        now_us = self._clock.now_us() + ACK_US
        self._switch_field(True)
        self._targets = {}
        deadline_us = None
        if self._passive_retries != RETRY_FOR_EVER:
            deadline_us = now_us + (self._passive_retries + 1) * ATTEMPT_US
            if self._field.is_quiet:
                deadline_us = max(deadline_us, now_us + self.longest_search_us)
        self._search = Search(max_targets if modulation == TYPE_A_106 else 0, deadline_us, now_us)
        if deadline_us is not None:
            self._after(deadline_us - self._clock.now_us(), self._nothing_found)
        self._field_changed()

    def _field_changed(self) -> None:
        """Someone entered or left: a search under way sees it at its next attempt."""
        search = self._search
        if search is None or self._field_on_us is None:
            return
        seen = [(card, self._field.entered_us[id(card)]) for card in self._field.cards[: search.max_targets]]
        if not seen:
            return
        energised_us = max([self._field_on_us, *(entered_us for _, entered_us in seen)]) + RF_US
        selected_us = max(energised_us, search.started_us) + SELECT_US
        self._after(selected_us - self._clock.now_us(), lambda: self._select(search, seen))

    def _select(self, search: Search, seen: list[tuple[Card, int]]) -> None:
        if search is not self._search or any(self._field.here_since_us(card) != since for card, since in seen):
            return
        self._targets = dict(enumerate(seen, start=1))
        self._answer_now(
            bytes((len(seen),)) + b"".join(self._target_data(n, card) for n, (card, _) in enumerate(seen, 1))
        )

    def _nothing_found(self) -> None:
        search = self._search
        if search is None:
            return
        if self._field.cards[: search.max_targets]:  # an attempt has caught a card: it is seen through to its end
            self._after(RF_US + SELECT_US, self._give_up)
        else:
            self._give_up()

    def _give_up(self) -> None:
        if self._search is not None:
            self._answer_now(b"\x00")

    def _target_data(self, number: int, card: Card) -> bytes:
        data = bytes((number,)) + card.atqa.to_bytes(2) + bytes((card.sak, len(card.uid))) + card.uid
        return data + card.ats if self._automatic_rats and card.sak & ISO_DEP else data

    def _in_data_exchange(self, parameters: bytes) -> None:
        if not parameters:
            raise SyntaxRefused
        if parameters[0] & MORE_INFORMATION:
            self._answer(bytes((WRONG_CONTEXT,)))
            return
        number, data = parameters[0], parameters[1:]
        self._exchange(number, len(data), lambda card: card.exchange(data))

    def _in_communicate_thru(self, parameters: bytes) -> None:
        if not parameters:
            raise SyntaxRefused
        self._exchange(1, len(parameters), lambda card: card.transceive(parameters))

    def _exchange(self, number: int, length: int, command: Callable[[Card], bytes]) -> None:
        if number not in self._targets:
            self._answer(bytes((WRONG_CONTEXT,)))
            return
        card, since_us = self._targets[number]

        def finish() -> None:
            self._answer_now(self._outcome(card, since_us, command))

        self._after(ACK_US + EXCHANGE_US + length * EXCHANGE_BYTE_US, finish)

    def _outcome(self, card: Card, since_us: int, command: Callable[[Card], bytes]) -> bytes:
        """Status and the card's answer; a card that was pulled in the meantime does not answer."""
        if self._field.here_since_us(card) != since_us:
            return bytes((TIMEOUT,))
        try:
            return bytes((OK,)) + command(card)
        except NoAnswer:
            return bytes((TIMEOUT,))
        except AuthenticationFailed:
            return bytes((MIFARE_AUTHENTICATION,))

    def _in_release(self, parameters: bytes) -> None:
        if len(parameters) != 1:
            raise SyntaxRefused
        if parameters[0] == 0:  # all of them
            self._targets = {}
            self._answer(bytes((OK,)))
        else:
            known = self._targets.pop(parameters[0], None) is not None
            self._answer(bytes((OK if known else WRONG_CONTEXT,)))
