"""An analogue-digital converter TI ADS1115 on I2C: registers, single-shot and continuous conversions in their time.
It must never know what is wired to its inputs: each is a function that gives its microvolts.
Specification: TI SBAS444D, 9.3 and 9.6. Not here: the comparator and its pin.
"""

from collections.abc import Callable, Sequence

from emulation.peripherals.ports import Clock

CONVERSION, CONFIG = 0, 1
RESET_CONFIG = 0x8583
FULL_SCALE_UV = (6_144_000, 4_096_000, 2_048_000, 1_024_000, 512_000, 256_000, 256_000, 256_000)
SAMPLES_A_SECOND = (8, 16, 32, 64, 128, 250, 475, 860)
DIFFERENTIAL = ((0, 1), (0, 3), (1, 3), (2, 3))
GROUND = 4
SECOND_US = 1_000_000

Input = Callable[[], float]


class Ads1115:
    """An I2CDevice. `present` is False when it was pulled out of its socket."""

    def __init__(self, clock: Clock, inputs: Sequence[Input]) -> None:
        self._clock = clock
        self._inputs: list[Input] = [*inputs, lambda: 0.0]
        self._powered = False
        self.present = True
        self._reset()

    def power(self, on: bool) -> None:
        self._powered = on
        self._reset()

    def _reset(self) -> None:
        self._registers = [0, RESET_CONFIG, 0x8000, 0x7FFF]
        self._pointer = 0
        self._done_us: int | None = None  # of the conversion that runs
        self._written: bytearray | None = None
        self._read_at = 0

    def start(self, read: bool) -> bool:
        self._written = None if read else bytearray()
        self._read_at = 0
        return self._powered and self.present

    def write_byte(self, byte: int) -> bool:
        assert self._written is not None
        self._written.append(byte)
        return True

    def read_byte(self) -> int:
        if self._read_at == 0:
            self._finish()
        value = self._registers[self._pointer]
        if self._pointer == CONFIG:
            value = value & 0x7FFF | (0x8000 if self._done_us is None else 0)
        byte = value >> 8 if self._read_at % 2 == 0 else value & 0xFF
        self._read_at += 1
        return byte

    def stop(self) -> None:
        if self._written:
            self._pointer = self._written[0] & 0b11
            if len(self._written) >= 3 and self._pointer != CONVERSION:
                self._write(self._written[1] << 8 | self._written[2])

    def _write(self, value: int) -> None:
        self._registers[self._pointer] = value
        continuous = not value & 0x0100
        if self._pointer == CONFIG and (value & 0x8000 or continuous):
            self._done_us = self._clock.now_us() + SECOND_US // SAMPLES_A_SECOND[value >> 5 & 0b111]

    def _finish(self) -> None:
        if self._done_us is None or self._clock.now_us() < self._done_us:
            return
        config = self._registers[CONFIG]
        mux = config >> 12 & 0b111
        plus, minus = DIFFERENTIAL[mux] if mux < GROUND else (mux - GROUND, GROUND)
        microvolts = self._inputs[plus]() - self._inputs[minus]()
        code = round(microvolts * 32768 / FULL_SCALE_UV[config >> 9 & 0b111])
        self._registers[CONVERSION] = min(max(code, -32768), 32767) & 0xFFFF
        if config & 0x0100:
            self._done_us = None
