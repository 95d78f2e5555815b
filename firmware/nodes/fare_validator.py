"""The fare validator: a card on the reader becomes a record on flash, and only then a green light.

Never knows who carries the records, and never keeps a card's number: a token of it, and of bank cards not even that.
Specification: protocols/schema/fare_validator.py; design, domain.md "Validator"; G1.
"""

import asyncio

from firmware.drivers import iso14443
from firmware.drivers.beeper import Beeper
from firmware.drivers.button import Button
from firmware.drivers.gnss import Gnss
from firmware.drivers.pn532 import PN532, CardGone, ReaderFault
from firmware.drivers.rgb_light import RgbLight
from firmware.journal import FlashFault, JournalFull
from firmware.nodes.presentation import Presentation, RecentRides
from firmware.settings import key, whole
from protocols.wire.mac import hmac_sha256
from protocols.wire.messages import assign_trip, cash, event, position, tap
from protocols.wire.record import CLOCK_GNSS
from protocols.wire.text import unpad

CONFIG = (  # name, check, default
    ("vehicle", whole(0, 0xFFFFFFFF), None),
    ("door", whole(0, 255), None),
    ("city_key", key, None),
    ("position_s", whole(1, 3_600), 10),
    ("repeat_s", whole(0, 3_600), 4),
    ("status_s", whole(1, 86_400), 30),
)
KEPT_KINDS = (tap.KIND, cash.KIND)  # what carriers are paid by is never given up
COMMAND_KINDS = (assign_trip.KIND,)

NO_TOKEN = bytes(8)
VERDICT_MS = 500  # how long a rider sees the light
PAUSE_MS = 40  # between two looks at the field
RETRY_MS = 1_000  # out of service
FIX_FRESH_MS = 5_000
HALF_FIX_MS = 500  # receivers give a fix a second, not to the millisecond

# result of the tap: (light, beeper)
SIGNALS = {
    tap.RESULT_ACCEPTED: ("green", "accepted"),
    tap.RESULT_REPEATED: ("amber", "refused"),
    tap.RESULT_UNREADABLE: ("red", "refused"),
}
NOT_KEPT = ("red", "error")

# the light between two verdicts
IN_SERVICE = "blue"
READER_DEAD = "red"
JOURNAL_FULL = "amber"

MEDIA = {  # of media that are neither phones nor bank cards
    iso14443.CLASSIC: tap.MEDIUM_CLASSIC,
    iso14443.ULTRALIGHT: tap.MEDIUM_ULTRALIGHT,
    iso14443.ISO_DEP: tap.MEDIUM_DESFIRE,
    iso14443.UNKNOWN: tap.MEDIUM_UNKNOWN,
}
TRANSPORT_MEDIA = (tap.MEDIUM_CLASSIC, tap.MEDIUM_ULTRALIGHT, tap.MEDIUM_DESFIRE)


class FareValidator:
    """One door of one vehicle. Three tasks share it: cards, the GNSS receiver, the driver's cash button."""

    def __init__(self, config, reader, light, beeper, gnss, cash_button, services):
        self._config = config
        self._reader = reader
        self._light = light
        self._beeper = beeper
        self._gnss = gnss
        self._cash_button = cash_button
        self._clock = services.clock
        self._journal = services.journal
        self._health = services.health
        self._presentation = Presentation()
        self._recent = RecentRides(config["repeat_s"] * 1000)
        self._resting_light = None
        self._verdict_until_ms = 0
        self._fix = None
        self._fix_ms = 0
        self._position_due_ms = 0
        self._accepted = 0
        self._refused = 0
        self.trip_ref = 0
        self.route = ""

    def tasks(self):
        """(name, coroutine function of `beat`, seconds without a beat that are too long; None: it only waits)"""
        return (
            ("cards", self.serve_cards, 15),
            ("gnss", self.follow_vehicle, 15),
            ("cash", self.count_cash, None),
            ("beeper", self.sound, None),
        )

    def is_idle(self):
        """Whether nobody minds a pause of some tens of milliseconds."""
        return self._presentation.is_over

    def execute(self, command):
        """Take the trip that the controller assigns; returns True for done. Raises MalformedFrame."""
        assigned = assign_trip.parse(command.body, newer=True)
        self.trip_ref = assigned.trip_ref
        self.route = unpad(assigned.route)
        self._health.say(f"trip {self.trip_ref} route {self.route}")
        return True

    def live(self):
        """The values of protocols/wire/live/fare_validator.py."""
        fix = self._fresh_fix(self._clock.monotonic_ms())
        return (
            1 if self._resting_light == IN_SERVICE else 0,
            self._config["vehicle"],
            self._config["door"],
            self.trip_ref,
            self._accepted,
            self._refused,
            fix and fix.lat_e7 / 1e7,
            fix and fix.lon_e7 / 1e7,
            fix and fix.lat_e7,
            fix and fix.lon_e7,
            fix and fix.speed_cmps,
            fix and fix.satellites,
        )

    # Cards.

    async def serve_cards(self, beat):
        """Open the reader and serve cards until it fails; then again, for ever."""
        while True:
            beat()
            try:
                await self._reader.open()
                await self._serve_until_fault(beat)
            except ReaderFault as fault:
                self._rest(READER_DEAD, f"reader: {fault.reason}")
                await asyncio.sleep_ms(RETRY_MS)

    async def _serve_until_fault(self, beat):
        while True:
            beat()
            if not self._journal.has_room(tap):
                self._rest(JOURNAL_FULL, "journal full")
                await asyncio.sleep_ms(RETRY_MS)
                continue
            target = await self._reader.select()
            self._rest(IN_SERVICE, "in service")
            if self._presentation.begins_with(target):
                await self._serve(target)
            await asyncio.sleep_ms(PAUSE_MS)

    async def _serve(self, target):
        """One presentation of one medium: one record, then the signal."""
        answered_ms = self._clock.monotonic_ms()
        self._light.set("off")  # the light of the rider before must not be taken for this one's
        try:
            medium = await self._identify(target)
        except CardGone:
            self._decide(tap.RESULT_UNREADABLE, tap.MEDIUM_UNKNOWN, NO_TOKEN, answered_ms)
            return
        except ReaderFault:
            self._presentation.forget()
            raise
        token = NO_TOKEN
        if medium in TRANSPORT_MEDIA:
            token = hmac_sha256(self._config["city_key"], target.uid)[: len(NO_TOKEN)]
        repeated = token != NO_TOKEN and self._recent.has(token, answered_ms)
        result = tap.RESULT_REPEATED if repeated else tap.RESULT_ACCEPTED
        if self._decide(result, medium, token, answered_ms) and token != NO_TOKEN:
            self._recent.add(token, answered_ms)

    async def _identify(self, target):
        """The medium: one of tap.MEDIUM_…. Raises CardGone, ReaderFault."""
        kind = iso14443.medium(target)
        is_bank = kind == iso14443.ISO_DEP and await self._says_bank(target)
        if iso14443.uid_is_random(target):
            return tap.MEDIUM_PHONE
        return tap.MEDIUM_BANK if is_bank else MEDIA[kind]

    async def _says_bank(self, target):
        """A bank card is asked whether it is one, and nothing else. One that is still on its way is asked twice."""
        try:
            answer = await self._reader.exchange(target, iso14443.SELECT_PPSE)
        except CardGone:
            again = await self._reader.select()
            if again is None:
                raise
            answer = await self._reader.exchange(again, iso14443.SELECT_PPSE)
        return iso14443.is_bank_medium(answer)

    def _decide(self, result, medium, token, answered_ms):
        """Journal the tap, and only when it is durable show the verdict (G1). False: it could not be kept."""
        now_ms = self._clock.monotonic_ms()
        fix = self._fresh_fix(now_ms)
        flags = tap.FLAGS_ID_STABLE if token != NO_TOKEN else 0
        record = tap.Tap(
            boot_id=self._journal.boot_id,
            result=result,
            medium=medium,
            flags=flags | (tap.FLAGS_POSITION_KNOWN if fix else 0),
            card_token=token,
            product=0,
            benefit_class=0,
            riders=1 if result == tap.RESULT_ACCEPTED else 0,
            decision_ms=min(now_ms - answered_ms, 0xFFFF),
            vehicle=self._config["vehicle"],
            door=self._config["door"],
            trip_ref=self.trip_ref,
            lat_e7=fix.lat_e7 if fix else 0,
            lon_e7=fix.lon_e7 if fix else 0,
            deny_list_version=0,
        )
        kept = self._keep_and_signal(tap, record, SIGNALS[result])
        if kept and result == tap.RESULT_ACCEPTED:
            self._accepted += 1
        else:
            self._refused += 1
        return kept

    # Cash.

    async def count_cash(self, _beat):
        """One press of the driver's button is one ride."""
        while True:
            await self._cash_button.pressed()
            ride = cash.Cash(
                boot_id=self._journal.boot_id,
                amount_kop=0,
                riders=1,
                vehicle=self._config["vehicle"],
                trip_ref=self.trip_ref,
            )
            self._keep_and_signal(cash, ride, SIGNALS[tap.RESULT_ACCEPTED])

    # The vehicle's place and time.

    async def follow_vehicle(self, beat):
        """A position record every position_s while the fix is valid; the receiver's time sets the clock."""
        speaks = True
        while True:
            beat()
            fix = await self._gnss.next()
            if (fix is not None) != speaks:
                speaks = not speaks
                if speaks:
                    self._health.peripheral_back("GNSS speaks")
                else:
                    self._health.peripheral_failed("GNSS silent")
            if fix is not None and fix.valid:
                self._take_fix(fix)

    def _fresh_fix(self, now_ms):
        """The position, None when there is none of these seconds."""
        return self._fix if self._fix and now_ms - self._fix_ms < FIX_FRESH_MS else None

    def _take_fix(self, fix):
        now_ms = self._clock.monotonic_ms()
        if fix.utc_ms is not None:
            self._health.time_told(CLOCK_GNSS, fix.utc_ms)
        self._fix, self._fix_ms = fix, now_ms
        if now_ms < self._position_due_ms:
            return
        self._position_due_ms = now_ms + self._config["position_s"] * 1000 - HALF_FIX_MS
        place = position.Position(
            vehicle=self._config["vehicle"],
            trip_ref=self.trip_ref,
            lat_e7=fix.lat_e7,
            lon_e7=fix.lon_e7,
            speed_cmps=min(fix.speed_cmps or 0, 0xFFFF),
            course_cdeg=fix.course_cdeg or 0,
            hdop_c=0xFFFF if fix.hdop_c is None else min(fix.hdop_c, 0xFFFF),
            satellites=min(fix.satellites or 0, 0xFF),
        )
        self._journal.note(position, place)

    # Signals.

    async def sound(self, _beat):
        """The beeper plays what was asked for."""
        await self._beeper.run()

    def _keep_and_signal(self, message, body, signal):
        """Append a record, then show its signal; without the record, the signal of a failure. False: not kept."""
        kept = True
        try:
            self._journal.append(message, body)
        except (JournalFull, FlashFault) as fault:
            self._health.say(f"{message.NAME} not kept: {type(fault).__name__}")
            kept, signal = False, NOT_KEPT
        colour, sound = signal
        self._light.set(colour)
        self._beeper.play(sound)
        self._verdict_until_ms = self._clock.monotonic_ms() + VERDICT_MS
        return kept

    def _rest(self, colour, why):
        """The light between two verdicts. When it changes, so does the service, and events say it."""
        if colour != self._light.colour and self._clock.monotonic_ms() >= self._verdict_until_ms:
            self._light.set(colour)
        before, self._resting_light = self._resting_light, colour
        if before == colour:
            return
        if colour == READER_DEAD:
            self._health.peripheral_failed(why)
        elif before == READER_DEAD:
            self._health.peripheral_back("reader works")
        if colour == JOURNAL_FULL:
            self._health.event(event.CODE_JOURNAL_FULL, why, event.SEVERITY_ERROR)
        if colour != IN_SERVICE:
            self._health.event(event.CODE_OUT_OF_SERVICE, "out of service", event.SEVERITY_ERROR)
        elif before is not None:
            self._health.event(event.CODE_IN_SERVICE, why)


def create(hal, settings, services):
    """A fare validator on the roles of a board."""
    return FareValidator(
        settings.config,
        PN532(hal.reader_bus()),
        RgbLight(*hal.light()),
        Beeper(hal.beeper()),
        Gnss(hal.gnss_uart()),
        Button(hal.cash_button()),
        services,
    )
