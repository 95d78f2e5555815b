"""The sensors of an air post as sources of channels: each is opened, then read once a second.

Never averages and never keeps a second; what is wrong with a value are flags, and it is told all the same.
Specification: protocols/wire/air_rows.py (channels, steps, flags); design, domain.md "Air".

A source has `name`, `warm_up_ms`, open() and read(tell); both raise SensorFault. tell(channel's name, value in its
steps, flags, beside): beside are both electrodes of a gas, or the speed that belongs to a direction.
"""

from firmware.drivers import electrochemical, wind
from firmware.drivers.ads1115 import INPUTS
from protocols.wire.air_rows import FLAG_HUMIDITY, FLAG_RANGE, RAW_STEPS_A_MV

ELECTRODE_SCALE_MV = 2048
VOLTAGE_SCALE_MV = 4096
CELL_TEMPERATURE_CDEG = 2000  # until a thermometer has told another
PM_DAMP_PERMILLE = 800
CELL_DRY_PERMILLE, CELL_DAMP_PERMILLE = 150, 900  # Alphasense data sheets: 15 to 90 % continuously
PM_HIGHEST_UGM3 = 1000  # of both sensors
SHORTEST_MS = 500
PM_WARM_UP_MS = 30_000  # PMS5003 manual: 30 s after waking; SPS30 datasheet: 30 s in clean air


class Surroundings:
    """What one source sees and another needs; None, or not there, while the source that sees it does not work."""

    def __init__(self):
        self.temperature_cdeg = None
        self.humidity_permille = None
        self.vane_uv = None
        self.gases_dppb = {}


class ParticleSource:
    """`channels` are names of what the sensor reads, in ug/m3."""

    warm_up_ms = PM_WARM_UP_MS

    def __init__(self, name, sensor, channels, surroundings):
        self.name = name
        self._sensor = sensor
        self._channels = channels
        self._surroundings = surroundings

    async def open(self):
        await self._sensor.open()

    async def read(self, tell):
        found = await self._sensor.read()
        damp = self._surroundings.humidity_permille
        flags = FLAG_HUMIDITY if damp is not None and damp > PM_DAMP_PERMILLE else 0
        for name in self._channels:
            ugm3 = getattr(found, name)
            tell(name, int(ugm3 * 10 + 0.5), flags | (FLAG_RANGE if ugm3 > PM_HIGHEST_UGM3 else 0))


class ClimateSource:
    name = "BME280"
    warm_up_ms = 0

    def __init__(self, sensor, surroundings):
        self._sensor = sensor
        self._surroundings = surroundings

    async def open(self):
        self._surroundings.temperature_cdeg = self._surroundings.humidity_permille = None
        await self._sensor.open()

    async def read(self, tell):
        found = await self._sensor.read()
        permille = (found.humidity_cpc + 5) // 10
        self._surroundings.temperature_cdeg = found.temperature_cdeg
        self._surroundings.humidity_permille = permille
        tell("temperature", found.temperature_cdeg, 0)
        tell("humidity", permille, 0)
        tell("pressure", (found.pressure_pa + 5) // 10, 0)


class ConverterSource:
    """One ADS1115: the cells on it, and perhaps the vane and the supply. One that has neither is left alone."""

    def __init__(self, number, converter, vane_input, supply_input, supply_divider_c, warm_up_ms, surroundings):
        self.name = f"ADS1115 {number}"
        self.warm_up_ms = warm_up_ms
        self.cells = ()
        self._number = number
        self._converter = converter
        self._vane = vane_input
        self._supply = supply_input
        self._supply_divider_c = supply_divider_c
        self._surroundings = surroundings

    async def open(self):
        if self._vane is not None:
            self._surroundings.vane_uv = None
        for wired in self.cells:
            self._surroundings.gases_dppb.pop(wired.cell.gas, None)

    def take(self, calibration):
        """The cells of a calibration that are wired to this converter."""
        self.cells = [cell for cell in calibration.cells if cell.we_input // INPUTS == self._number]

    async def read(self, tell):
        for wired in self.cells:
            we_uv = await self._converter.read_uv(wired.we_input % INPUTS, ELECTRODE_SCALE_MV)
            ae_uv = await self._converter.read_uv(wired.ae_input % INPUTS, ELECTRODE_SCALE_MV)
            if wired in self.cells:  # no other calibration has come meanwhile
                self._tell_gas(wired.cell, we_uv, ae_uv, tell)
        if self._vane is not None:
            self._surroundings.vane_uv = await self._converter.read_uv(self._vane % INPUTS, VOLTAGE_SCALE_MV)
        if self._supply is not None:
            at_input_uv = await self._converter.read_uv(self._supply % INPUTS, VOLTAGE_SCALE_MV)
            tell("supply", (at_input_uv * self._supply_divider_c + 500_000) // 1_000_000, 0)

    def _tell_gas(self, cell, we_uv, ae_uv, tell):
        around = self._surroundings
        flags = 0
        temperature_cdeg = around.temperature_cdeg
        if temperature_cdeg is None:
            temperature_cdeg = CELL_TEMPERATURE_CDEG
            flags = FLAG_RANGE
        if not electrochemical.in_table(temperature_cdeg) or _at_the_end(we_uv) or _at_the_end(ae_uv):
            flags |= FLAG_RANGE
        for other, _ in cell.cross:
            if other not in around.gases_dppb:
                flags |= FLAG_RANGE  # what it gives is in the value
        damp = around.humidity_permille
        if damp is not None and not CELL_DRY_PERMILLE <= damp <= CELL_DAMP_PERMILLE:
            flags |= FLAG_HUMIDITY
        dppb = electrochemical.concentration_dppb(cell, we_uv, ae_uv, temperature_cdeg, around.gases_dppb)
        around.gases_dppb[cell.gas] = dppb
        raw = (we_uv * RAW_STEPS_A_MV // 1000, ae_uv * RAW_STEPS_A_MV // 1000)
        tell(cell.gas, (dppb + 5) // 10 if cell.gas == "co" else dppb, flags, raw)


class WindSource:
    name = "wind"
    warm_up_ms = 0

    def __init__(self, counter, clock, mm_a_pulse, vane_full_uv, surroundings):
        self._counter = counter
        self._clock = clock
        self._mm_a_pulse = mm_a_pulse
        self._vane_full_uv = vane_full_uv
        self._surroundings = surroundings
        self._pulses = 0
        self._at_ms = 0

    async def open(self):
        self._pulses = self._counter.value()
        self._at_ms = self._clock.monotonic_ms()

    async def read(self, tell):
        now_ms = self._clock.monotonic_ms()
        pulses = self._counter.value()
        elapsed_ms = now_ms - self._at_ms
        if elapsed_ms < SHORTEST_MS:
            return  # just opened: too few pulses to tell a speed
        cmps = wind.speed_cmps(pulses - self._pulses, elapsed_ms, self._mm_a_pulse)
        self._pulses, self._at_ms = pulses, now_ms
        tell("wind_speed", cmps, 0)
        if self._surroundings.vane_uv is not None:
            ddeg = wind.direction_ddeg(self._surroundings.vane_uv, self._vane_full_uv)
            tell("wind_direction", ddeg, 0, cmps)


def _at_the_end(microvolts):
    """Of the converter's scale: what is there may be more."""
    return abs(microvolts) >= ELECTRODE_SCALE_MV * 1000 - 100
