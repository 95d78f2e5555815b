"""The air post: reads every sensor once a second and keeps a mean of each minute, with its quality.

Never drops a value for its quality and never shifts the minute grid: what is wrong stands in the flags.
Specification: protocols/schema/air_sensor.py; design, domain.md "Air".
"""

import asyncio

from firmware.drivers.ads1115 import INPUTS, Ads1115
from firmware.drivers.bme280 import Bme280
from firmware.drivers.pms5003 import Pms5003
from firmware.drivers.rgb_light import RgbLight
from firmware.drivers.sensor_fault import SensorFault
from firmware.nodes.air_calibration import NONE, calibration, in_document
from firmware.nodes.air_sources import (
    ClimateSource,
    ConverterSource,
    ParticleSource,
    Surroundings,
    WindSource,
)
from firmware.nodes.air_statistics import Grid
from firmware.settings import one_of, whole
from protocols.wire import air_rows, record
from protocols.wire import journal_format as layout
from protocols.wire.document import CALIBRATION
from protocols.wire.messages import air_means, event

CONFIG = (  # name, check, default
    ("particles", one_of("pms5003", "sps30", "sps30_uart", "none"), "pms5003"),
    ("climate", one_of("bme280", "none"), "bme280"),
    ("calibration", calibration, NONE),
    ("cell_warm_up_s", whole(0, 86_400), 7_200),
    ("wind_mm_a_pulse", whole(0, 100_000), 1_006),  # 0: no anemometer
    ("vane_input", whole(-1, 15), 14),  # -1: no vane
    ("vane_full_mv", whole(100, 4_096), 3_300),
    ("supply_input", whole(-1, 15), 15),
    ("supply_divider_c", whole(100, 100_000), 1_100),
    ("status_s", whole(1, 86_400), 7_200),
)
KEPT_KINDS = ()  # a post without its controller thins its means out before it has to give any up
COMMAND_KINDS = ()

SECOND_MS = 1_000
READ_AT_MS = 250  # of each second: what takes its time is still of the same second, and of the same minute
SHORTEST_WAIT_MS = 400  # who comes sooner has read in this second
MINUTE = 1
LONG = 20  # minutes
MINUTES_KEPT = 48 * 60 + 100  # two days, and what else is recorded in them
LONGS_KEPT = 30 * 24 * 60 // LONG  # means of twenty minutes: the journal's last sectors are for them
LONGS_A_STATUS = 6  # by default; it takes the place of one of them
SECTORS_APART = 4  # the journal's reserve, the sector that is being written, and one for what happens
FULL, BRIEF, NOT_AT_ALL = 0, 1, 2
RETRY_MS = 1_000
FORGIVEN_MS = 10_000  # a sensor that was away for longer warms up again
MAX_ROWS = record.MAX_BODY - air_means.SIZE

CONVERTERS = (0x48, 0x49, 0x4A, 0x4B)
FIRST_THAT_IS_WARM = air_rows.NUMBERS["temperature"]  # channels before it are particles and gases

ALL_WELL = "green"
SENSOR_MISSING = "amber"
MAINTENANCE = "blue"


class AirSensor:
    """A task a source, and one for the grid; who is first in a new minute closes the one before."""

    def __init__(self, config, sources, converters, light, door, maintenance_switch, services):
        self._calibration = config["calibration"]
        self._document_version = 0  # of the calibration document that was looked at last
        self._sources = sources
        self._converters = converters
        self._light = light
        self._door = door
        self._maintenance_switch = maintenance_switch
        self._clock = services.clock
        self._journal = services.journal
        self._health = services.health
        self._documents = services.documents
        self._missing = set()
        self._maintenance = False
        self._minute = Grid(MINUTE, services.clock)
        self._long = Grid(LONG, services.clock)
        self._minute_was_skipped = False
        self._latest = (None, {})  # start_s and rows by channel of the last minute

    def tasks(self):
        """(name, coroutine function of `beat`, seconds without a beat that are too long)"""
        followed = [(source.name, self._follower(source), 30) for source in self._sources]
        return followed + [("minutes", self.keep_minutes, 10)]

    def is_idle(self):
        """A pause of some tens of milliseconds costs no second: readings wait in the sensors."""
        return True

    def live(self):
        """The values of protocols/wire/live/air_sensor.py."""
        start_s, rows = self._latest
        values = [start_s, self._calibration.version, 1 if self._maintenance else 0, len(self._missing)]
        for number, (_, _, decimals) in enumerate(air_rows.CHANNELS):
            row = rows.get(number)
            values += (row and row.mean / 10**decimals, row and row.mean, row and row.flags)
        return tuple(values)

    # Sensors.

    def _follower(self, source):
        async def follow(beat):
            await self._follow(source, beat)

        return follow

    async def _follow(self, source, beat):
        """Open a sensor and read it each second until it fails; then again, for ever."""
        warm_ms = None
        seen_ms = 0
        while True:
            beat()
            try:
                await source.open()
                now_ms = self._clock.monotonic_ms()
                if warm_ms is None or now_ms - seen_ms > FORGIVEN_MS:
                    warm_ms = now_ms + source.warm_up_ms
                while True:
                    await self._next_second()
                    beat()
                    await source.read(self._teller(warm_ms))
                    seen_ms = self._clock.monotonic_ms()
                    self._tell_missing(source.name, None)
            except SensorFault as fault:
                self._tell_missing(source.name, fault.reason)
            await asyncio.sleep_ms(RETRY_MS)

    def _teller(self, warm_ms):
        cold = self._clock.monotonic_ms() < warm_ms

        def tell(name, value, flags, beside=None):
            number = air_rows.NUMBERS[name]
            if cold and number < FIRST_THAT_IS_WARM:
                flags |= air_rows.FLAG_WARM_UP
            self._take(number, value, flags, beside)

        return tell

    def _take(self, number, value, flags, beside=None):
        self._turn()
        if self._maintenance:
            flags |= air_rows.FLAG_MAINTENANCE
        self._minute.period.add(number, value, flags, beside)
        self._long.period.add(number, value, flags, beside)

    def _tell_missing(self, name, reason):
        """An event when a sensor is lost or back."""
        if reason and name not in self._missing:
            self._missing.add(name)
            self._health.peripheral_failed(f"{name}: {reason}")
        elif not reason and name in self._missing:
            self._missing.remove(name)
            self._health.peripheral_back(f"{name} works")

    # The calibration: that of the newest document; until there is one, that of the settings.

    def _newer_calibration(self):
        """One that came since, or None. What cannot be used is told once."""
        held = self._documents.held(CALIBRATION)
        if not held or held.version == self._document_version:
            return None
        self._document_version = held.version
        try:
            return in_document(self._documents, held)
        except ValueError as wrong:
            text = f"calibration {held.version} must be {wrong}"
            self._health.event(event.CODE_SETTINGS_FAULT, text, event.SEVERITY_ERROR)
            return None

    def _use(self, calibration):
        """Between two minutes: each is of one calibration."""
        self._calibration = calibration
        for converter in self._converters:
            converter.take(calibration)

    # The minute grid.

    async def keep_minutes(self, beat):
        """Each second: the door, the switch, the light, and the grid even when no sensor speaks."""
        self._use(self._newer_calibration() or self._calibration)
        while True:
            beat()
            self._maintenance = self._maintenance_switch.value() == 0
            self._take(air_rows.NUMBERS["door"], 100 if self._door.value() else 0, 0)
            colour = SENSOR_MISSING if self._missing else ALL_WELL
            if self._maintenance:
                colour = MAINTENANCE
            if colour != self._light.colour:
                self._light.set(colour)
            await self._next_second()

    async def _next_second(self):
        wait_ms = (READ_AT_MS - self._clock.stamp()[1]) % SECOND_MS
        await asyncio.sleep_ms(wait_ms if wait_ms >= SHORTEST_WAIT_MS else wait_ms + SECOND_MS)

    def _turn(self):
        """Close what has ended. The grid is the clock's own: full minutes of UTC, or of uptime before that is known."""
        if not self._minute.ended():
            return
        start_s, rows = self._minute.close()
        if rows:
            self._latest = (start_s, {row.channel: row for row in rows})
            size = len(air_rows.build(rows, MINUTE * 60))
            form = form_of_minute(self._journal.free_sectors, self._journal.sectors, len(rows), size)
            if form == NOT_AT_ALL:
                self._minute_was_skipped = True
            else:
                self._keep(start_s, MINUTE, rows, form == BRIEF)
        newer = self._newer_calibration()
        if newer or self._long.ended():
            start_s, rows = self._long.close()
            if self._minute_was_skipped and rows:
                self._keep(start_s, LONG, rows, True)
            self._minute_was_skipped = False
        if newer:
            self._use(newer)

    def _keep(self, start_s, minutes, rows, brief):
        """One record, or two when the rows of all possible channels do not fit one."""
        data = air_rows.build(rows, minutes * 60, brief)
        if len(data) > MAX_ROWS:
            half = len(rows) // 2
            self._keep(start_s, minutes, rows[:half], brief)
            self._keep(start_s, minutes, rows[half:], brief)
        else:
            self._journal.note(air_means, air_means.AirMeans(start_s, minutes, self._calibration.version, data))


def form_of_minute(free, sectors, channels, size):
    """How a minute of so many channels, of so many bytes when it is full, is kept while `free` sectors are.

    What has room in full is, as long as the rest of two days and then a month of longer means fit behind it.
    """
    brief = _a_sector(4 + channels * 2 + 3 + channels // 2 + 1)  # half of them marked
    full = _a_sector(size)
    longs = (LONGS_KEPT + LONGS_KEPT // LONGS_A_STATUS) // brief + 1
    left = free - SECTORS_APART - longs
    if left <= 0:
        return NOT_AT_ALL
    room = sectors - SECTORS_APART - longs
    if full >= brief or left * (brief - full) > MINUTES_KEPT - room * full:
        return FULL
    return BRIEF


def _a_sector(rows_size):
    """So many records with so many bytes of rows lie in a sector: none of them across two pages."""
    size = layout.MIN_ENTRY_SIZE + air_means.SIZE + rows_size
    first = (layout.PAGE_SIZE - layout.HEADER_SIZE) // size
    return first + (layout.PAGES - 1) * (layout.PAGE_SIZE // size)


def create(hal, settings, services):
    """An air post on the roles of a board."""
    config = settings.config
    around = Surroundings()
    bus = hal.sensor_bus()
    converters = _converters(bus, config, around)
    sources: list = _particles(hal, bus, config["particles"], around)
    if config["climate"] == "bme280":
        sources.append(ClimateSource(Bme280(bus), around))
    sources += converters
    if config["wind_mm_a_pulse"]:
        counter = hal.wind_pulses()
        full_uv = config["vane_full_mv"] * 1000
        sources.append(WindSource(counter, services.clock, config["wind_mm_a_pulse"], full_uv, around))
    light = RgbLight(*hal.light())
    return AirSensor(config, sources, converters, light, hal.door(), hal.maintenance_switch(), services)


def _particles(hal, bus, sensor, around):
    if sensor == "pms5003":
        pms5003 = Pms5003(hal.particles_uart())
        return [ParticleSource("PMS5003", pms5003, ("pm1", "pm2_5", "pm10"), around)]
    if sensor == "none":
        return []
    if sensor == "sps30":  # its driver is loaded here: it takes its room
        from firmware.drivers.sps30 import Sps30

        sps30 = Sps30(bus)
    else:
        from firmware.drivers.sps30_uart import Sps30OnUart

        sps30 = Sps30OnUart(hal.particles_uart())
    return [ParticleSource("SPS30", sps30, ("pm1", "pm2_5", "pm4", "pm10"), around)]


def _converters(bus, config, around):
    found = []
    for number, address in enumerate(CONVERTERS):
        vane, supply = [
            wired if wired // INPUTS == number else None for wired in (config["vane_input"], config["supply_input"])
        ]
        converter = Ads1115(bus, address)
        warm_up_ms = config["cell_warm_up_s"] * 1000
        found.append(ConverterSource(number, converter, vane, supply, config["supply_divider_c"], warm_up_ms, around))
    return found
