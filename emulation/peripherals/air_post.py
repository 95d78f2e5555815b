"""The sensors of an air post as they are wired together, in one weather: what hangs on its bus, its line, its inputs.
It must never know a backend, nor what the node makes of it.
Specification: boards/README.md (roles); firmware/README.md, "Air post" (which electrode is on which input).
"""

from emulation.peripherals.ads1115 import Ads1115, Input
from emulation.peripherals.bme280 import Bme280
from emulation.peripherals.button import Button
from emulation.peripherals.electrochemical_cell import SHEETS, ElectrochemicalCell
from emulation.peripherals.pms5003 import Pms5003
from emulation.peripherals.ports import Clock, I2CDevice, UartDevice
from emulation.peripherals.sps30 import Sps30
from emulation.peripherals.sps30_i2c import Sps30OnI2C
from emulation.peripherals.sps30_uart import Sps30OnUart
from emulation.peripherals.weather import Weather
from emulation.peripherals.wind_sensors import WindSensors

BME280_ADDRESS = 0x76
CONVERTER_ADDRESSES = (0x48, 0x49, 0x4A, 0x4B)
INPUTS_A_CONVERTER = 4
SUPPLY_DIVIDER = 11.0


class PostSensors:
    """Seven cells on fourteen inputs, working electrode first; then the vane and the supply. `particles` chooses the
    particle sensor: pms5003, sps30 (on I2C), sps30_uart."""

    def __init__(self, clock: Clock, particles: str) -> None:
        weather = self.weather = Weather()
        self.supply_v = 12.0
        self.wind = WindSensors(clock, weather)
        self.cells = {gas: ElectrochemicalCell(sheet, weather) for gas, sheet in SHEETS.items()}
        self.bme280 = Bme280(clock, weather)
        inputs: list[Input] = [read for cell in self.cells.values() for read in (cell.working_uv, cell.auxiliary_uv)]
        inputs += [self.wind.vane_uv, lambda: self.supply_v * 1e6 / SUPPLY_DIVIDER]
        self.converters = [
            Ads1115(clock, inputs[at : at + INPUTS_A_CONVERTER]) for at in range(0, len(inputs), INPUTS_A_CONVERTER)
        ]
        self.door = Button(clock)
        self.door.hold()  # it is shut
        self.maintenance_switch = Button(clock)
        self.pms5003: Pms5003 | None = None
        self.sps30: Sps30 | None = None
        self.line: UartDevice | None = None
        self.on_bus: dict[int, I2CDevice] = dict(zip(CONVERTER_ADDRESSES, self.converters, strict=True))
        self.on_bus[BME280_ADDRESS] = self.bme280
        if particles == "pms5003":
            self.line = self.pms5003 = Pms5003(clock, weather)
        else:
            self.sps30 = Sps30(clock, weather)
            if particles == "sps30_uart":
                self.line = Sps30OnUart(clock, self.sps30)
            else:
                self.on_bus[Sps30OnI2C.ADDRESS] = Sps30OnI2C(self.sps30)

    def power(self, on: bool) -> None:
        for part in (self.pms5003, self.sps30, self.bme280, *self.converters):
            if part is not None:
                part.power(on)

    def plug(self, sensor: str, in_its_socket: bool) -> None:
        """Pull out pms5003, bme280 or a converter (its number), or put it back: it is then fresh from power-on."""
        if sensor == "pms5003" and self.pms5003 is not None:
            self.pms5003.silent = not in_its_socket
            self.pms5003.power(True)
            return
        part = self.bme280 if sensor == "bme280" else self.converters[int(sensor)]
        part.present = in_its_socket
        part.power(True)
