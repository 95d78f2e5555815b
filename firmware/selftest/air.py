"""Checks of an air post: each sensor that its settings promise is opened and measures once.

Never judges the air: that a value is there and possible is enough.
Specification: run.py; firmware/drivers/.
"""

from firmware.drivers.ads1115 import INPUTS, Ads1115
from firmware.drivers.bme280 import ADDRESS, Bme280
from firmware.drivers.sensor_fault import SensorFault
from firmware.nodes.air_sensor import CONVERTERS
from firmware.selftest.contacts import changes
from firmware.selftest.run import GOOD, NOT_FITTED, SEEN_BY_A_PERSON, Finding, bad

SPS30_ADDRESS = 0x69
NEIGHBOURS = (ADDRESS,) + CONVERTERS  # who may answer on the bus where another is silent
WIND_MS = 1_000


async def climate(hal, provided, _given):
    if provided.config["climate"] == "none":
        return NOT_FITTED
    bus = hal.sensor_bus()
    sensor = Bme280(bus)
    try:
        await sensor.open()
        found = await sensor.read()
    except SensorFault as fault:
        return _i2c_fault(bus, fault, ADDRESS)
    return Finding(True, "", {"temperature_cdeg": found.temperature_cdeg, "pressure_pa": found.pressure_pa})


async def particles(hal, provided, _given):
    named = provided.config["particles"]
    if named == "none":
        return NOT_FITTED
    on_bus = named == "sps30"
    try:
        sensor = _particle_sensor(hal, named)
        await sensor.open()
        await sensor.read()
    except SensorFault as fault:
        if on_bus:
            return _i2c_fault(hal.sensor_bus(), fault, SPS30_ADDRESS)
        return bad("uart_silent" if fault.reason == "silent" else "uart_garbled", reason=fault.reason)
    return GOOD


def _particle_sensor(hal, named):
    if named == "pms5003":
        from firmware.drivers.pms5003 import Pms5003

        return Pms5003(hal.particles_uart())
    if named == "sps30":
        from firmware.drivers.sps30 import Sps30

        return Sps30(hal.sensor_bus())
    from firmware.drivers.sps30_uart import Sps30OnUart

    return Sps30OnUart(hal.particles_uart())


async def converters(hal, provided, _given):
    """Every ADS1115 that a cell, the vane or the supply is wired to."""
    config = provided.config
    inputs = [cell.we_input for cell in config["calibration"].cells]
    inputs += [one for one in (config["vane_input"], config["supply_input"]) if one >= 0]
    if not inputs:
        return NOT_FITTED
    bus = hal.sensor_bus()
    read_uv = {}
    for one in inputs:
        address = CONVERTERS[one // INPUTS]
        try:
            read_uv[str(one)] = await Ads1115(bus, address).read_uv(one % INPUTS, 4096)
        except SensorFault as fault:
            return _i2c_fault(bus, fault, address)
    return Finding(True, "", {"read_uv": read_uv})


async def wind(hal, provided, given):
    """In calm air nothing turns: no pulses are no fault, unless a person turns it."""
    if not provided.config["wind_mm_a_pulse"]:
        return NOT_FITTED
    if await changes(hal.wind_pulses(), given.get("wait_s", 0) * 1000 or WIND_MS):
        return GOOD
    return bad("contact_unmoved") if given.get("wait_s") else SEEN_BY_A_PERSON


def _i2c_fault(bus, fault, address):
    if fault.reason != "bus":
        return bad("i2c_garbled", address=address, role="sensor_bus", reason=fault.reason)
    others = any(_answers(bus, one) for one in NEIGHBOURS if one != address)
    return bad("i2c_one_silent" if others else "i2c_silent", address=address, role="sensor_bus")


def _answers(bus, address):
    try:
        bus.readfrom(address, 1)
    except OSError:
        return False
    return True
