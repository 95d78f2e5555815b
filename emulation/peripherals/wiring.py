"""Which peripheral hangs on which pin or bus of a kind's board: the one place where roles become wires.
It must never know a backend; a lane asks it who sits on a bus, drives its outputs and reads its inputs.
Specification: boards/README.md (roles); the role tables come from boards/<board>/pins.py as plain dicts.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from emulation.peripherals.air_post import PostSensors
from emulation.peripherals.beeper import Beeper
from emulation.peripherals.button import Button
from emulation.peripherals.gnss import GnssReceiver
from emulation.peripherals.max7219_panel import MODULE_PIXELS, Max7219Panel
from emulation.peripherals.meter_site import MeterSite
from emulation.peripherals.pn532 import Pn532
from emulation.peripherals.pn532_i2c import Pn532OnI2C
from emulation.peripherals.ports import Clock, I2CDevice, Powered, SPIDevice, UartDevice
from emulation.peripherals.rf_field import RfField
from emulation.peripherals.rgb_light import CHANNELS, RgbLight
from emulation.peripherals.transcript import I2cWire, SpiWire, Transcript, UartWire
from emulation.peripherals.uplink import Uplink

Role = Mapping[str, int]
USUAL_PANEL = (128, 64)
PANEL_SIDES = range(MODULE_PIXELS, 1024 + 1, MODULE_PIXELS)


class Wiring:
    """One node's peripherals. `config` is the kind's part of the node's settings (a panel has its size from there)."""

    def __init__(
        self, roles: Mapping[str, Role], config: Mapping[str, Any], clock: Clock, *, noted: bool = True
    ) -> None:
        """`noted`: what passes on the buses stands in `transcript`."""
        self.clock = clock
        self.i2c: dict[tuple[int, int], I2CDevice] = {}
        self.spi: dict[int, SPIDevice] = {}
        self.uarts: dict[int, UartDevice] = {}
        self.outputs: dict[int, Callable[[int], None]] = {}
        self.pwms: dict[int, Callable[[int, int], None]] = {}
        self.inputs: dict[int, Callable[[], int]] = {}
        self.counters: dict[int, Callable[[], int]] = {}
        self.sampled: set[int] = set()  # inputs that are read once a second, not polled until they change

        self.field: RfField | None = None
        self.reader: Pn532 | None = None
        self.reader_bus = ""  # as the transcript names it
        self.gnss: GnssReceiver | None = None
        self.light: RgbLight | None = None
        self.beeper: Beeper | None = None
        self.panel: Max7219Panel | None = None
        self.uplink: Uplink | None = None
        self.buttons: dict[str, Button] = {}
        self.air: PostSensors | None = None
        self.meters: MeterSite | None = None
        self._supplied: list[Powered] = []

        for name, role in roles.items():
            if name not in _ATTACH:
                raise ValueError(f"no peripheral is modelled for the role {name!r}")
            _ATTACH[name](self, role, config)
        self.transcript = Transcript(clock)
        if noted:
            self._note(self.transcript)
        self.power(False)

    def _note(self, transcript: Transcript) -> None:
        self.i2c = {at: I2cWire(device, _i2c_name(*at), transcript) for at, device in self.i2c.items()}
        self.spi = {unit: SpiWire(device, f"spi{unit}", transcript) for unit, device in self.spi.items()}
        self.uarts = {unit: UartWire(device, f"uart{unit}", transcript) for unit, device in self.uarts.items()}

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
        chip = self.reader = Pn532(self.clock, self.field)
        self._supplied.append(chip)
        self.i2c[role["i2c"], role["address"]] = Pn532OnI2C(chip)
        self.reader_bus = _i2c_name(role["i2c"], role["address"])

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

    def _air_post(self, config: Mapping[str, Any]) -> PostSensors:
        """The one air post, whichever of its roles is attached first."""
        if self.air is None:
            self.air = PostSensors(self.clock, config.get("particles", "pms5003"))
            self._supplied.append(self.air)
        return self.air

    def _attach_sensor_bus(self, role: Role, config: Mapping[str, Any]) -> None:
        for address, device in self._air_post(config).on_bus.items():
            self.i2c[role["i2c"], address] = device

    def _attach_particles(self, role: Role, config: Mapping[str, Any]) -> None:
        if (line := self._air_post(config).line) is not None:
            self.uarts[role["uart"]] = line

    def _attach_wind(self, role: Role, config: Mapping[str, Any]) -> None:
        wind = self._air_post(config).wind
        self.counters[role["pin"]] = wind.pulses
        self.inputs[role["pin"]] = wind.level

    def _attach_door(self, role: Role, config: Mapping[str, Any]) -> None:
        self.inputs[role["pin"]] = self._air_post(config).door.level
        self.sampled.add(role["pin"])

    def _attach_maintenance_switch(self, role: Role, config: Mapping[str, Any]) -> None:
        self.inputs[role["pin"]] = self._air_post(config).maintenance_switch.level
        self.sampled.add(role["pin"])

    def _meter_site(self, config: Mapping[str, Any]) -> MeterSite:
        """The one house, whichever of its roles is attached first."""
        if self.meters is None:
            self.meters = MeterSite(self.clock, config)
        return self.meters

    def _attach_meter_bus(self, role: Role, config: Mapping[str, Any]) -> None:
        self.uarts[role["uart"]] = self._meter_site(config).bus

    def _attach_pulses(self, role: Role, config: Mapping[str, Any]) -> None:
        for name, contact in zip(("first", "second"), self._meter_site(config).pulses, strict=True):
            self.inputs[role[name]] = contact.level
            self.counters[role[name]] = contact.pulses

    def _attach_cover(self, role: Role, config: Mapping[str, Any]) -> None:
        self.inputs[role["pin"]] = self._meter_site(config).cover.level

    def _attach_uplink(self, role: Role, _config: Mapping[str, Any]) -> None:
        self.uarts[role["uart"]] = self.uplink = Uplink()


def _i2c_name(unit: int, address: int) -> str:
    return f"i2c{unit} {address:#x}"


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
    "uplink": Wiring._attach_uplink,
    "meter_bus": Wiring._attach_meter_bus,
    "pulse_inputs": Wiring._attach_pulses,
    "cover": Wiring._attach_cover,
    "sensor_bus": Wiring._attach_sensor_bus,
    "particles_uart": Wiring._attach_particles,
    "wind_pulses": Wiring._attach_wind,
    "door": Wiring._attach_door,
    "maintenance_switch": Wiring._attach_maintenance_switch,
}
