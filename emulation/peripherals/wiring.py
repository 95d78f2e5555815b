"""Which peripheral hangs on which pin or bus of a kind's board: the one place where roles become wires.
It must never know a backend; a lane asks it who sits on a bus, drives its outputs and reads its inputs.
Specification: boards/README.md (roles); the role tables come from boards/<board>/pins.py as plain dicts.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from emulation.peripherals.beeper import Beeper
from emulation.peripherals.button import Button
from emulation.peripherals.gnss import GnssReceiver
from emulation.peripherals.max7219_panel import MODULE_PIXELS, Max7219Panel
from emulation.peripherals.pn532 import Pn532
from emulation.peripherals.pn532_i2c import Pn532OnI2C
from emulation.peripherals.ports import Clock, I2CDevice, Powered, SPIDevice, UartDevice
from emulation.peripherals.rf_field import RfField
from emulation.peripherals.rgb_light import CHANNELS, RgbLight

Role = Mapping[str, int]
USUAL_PANEL = (128, 64)
PANEL_SIDES = range(MODULE_PIXELS, 1024 + 1, MODULE_PIXELS)


class Wiring:
    """One node's peripherals. `config` is the kind's part of the node's settings (a panel has its size from there)."""

    def __init__(self, roles: Mapping[str, Role], config: Mapping[str, Any], clock: Clock) -> None:
        self.clock = clock
        self.i2c: dict[tuple[int, int], I2CDevice] = {}
        self.spi: dict[int, SPIDevice] = {}
        self.uarts: dict[int, UartDevice] = {}
        self.outputs: dict[int, Callable[[int], None]] = {}
        self.pwms: dict[int, Callable[[int, int], None]] = {}
        self.inputs: dict[int, Callable[[], int]] = {}

        self.field: RfField | None = None
        self.gnss: GnssReceiver | None = None
        self.light: RgbLight | None = None
        self.beeper: Beeper | None = None
        self.panel: Max7219Panel | None = None
        self.buttons: dict[str, Button] = {}
        self._supplied: list[Powered] = []

        for name, role in roles.items():
            if name not in _ATTACH:
                raise ValueError(f"no peripheral is modelled for the role {name!r}")
            _ATTACH[name](self, role, config)
        self.power(False)

    def power(self, on: bool) -> None:
        """The node's supply, which its peripherals share."""
        for part in self._supplied:
            part.power(on)

    def release_pins(self) -> None:
        """The microcontroller was reset: its pins drive nothing, while the peripherals keep their state."""
        if self.light is not None:
            self.light.release()
        if self.beeper is not None:
            self.beeper.release()

    # One method a role

    def _attach_reader(self, role: Role, _config: Mapping[str, Any]) -> None:
        self.field = RfField(self.clock)
        chip = Pn532(self.clock, self.field)
        self._supplied.append(chip)
        self.i2c[role["i2c"], role["address"]] = Pn532OnI2C(chip)

    def _attach_gnss(self, role: Role, _config: Mapping[str, Any]) -> None:
        self.gnss = GnssReceiver(self.clock, role["baud"])
        self._supplied.append(self.gnss)
        self.uarts[role["uart"]] = self.gnss

    def _attach_light(self, role: Role, _config: Mapping[str, Any]) -> None:
        light = self.light = RgbLight(self.clock)
        self._supplied.append(light)
        for channel in CHANNELS:
            self.pwms[role[channel]] = partial(_drive_channel, light, channel)

    def _attach_beeper(self, role: Role, _config: Mapping[str, Any]) -> None:
        self.beeper = Beeper(self.clock)
        self._supplied.append(self.beeper)
        self.pwms[role["pin"]] = self.beeper.drive

    def _attach_cash_button(self, role: Role, _config: Mapping[str, Any]) -> None:
        button = self.buttons["cash_button"] = Button(self.clock)
        self.inputs[role["pin"]] = button.level

    def _attach_panel(self, role: Role, config: Mapping[str, Any]) -> None:
        panel = self.panel = Max7219Panel(*_panel_size(config))
        self._supplied.append(panel)
        self.spi[role["spi"]] = panel
        self.outputs[role["cs"]] = lambda level: panel.select(level == 0)


def _panel_size(config: Mapping[str, Any]) -> tuple[int, int]:
    """What the settings say, if such a panel can be built: a bad file does not change what hangs on the wall."""
    size = (config.get("width"), config.get("height"))
    if all(isinstance(side, int) and side in PANEL_SIDES for side in size):
        return config["width"], config["height"]
    return USUAL_PANEL


def _drive_channel(light: RgbLight, channel: str, _frequency_hz: int, duty: int) -> None:
    light.drive(channel, duty)


_ATTACH: dict[str, Callable[[Wiring, Role, Mapping[str, Any]], None]] = {
    "reader_bus": Wiring._attach_reader,
    "gnss_uart": Wiring._attach_gnss,
    "light": Wiring._attach_light,
    "beeper": Wiring._attach_beeper,
    "cash_button": Wiring._attach_cash_button,
    "panel_bus": Wiring._attach_panel,
}
