"""MicroPython's `machine` for a simulated board: pins and buses are the emulator's, the rest is the builtin module's.
It must never know a role or a chip; it carries transfers (bus_link, or a descriptor of its own for each UART).
Specification: MicroPython's documentation of `machine`, as far as the RP2 port has it; emulation/unix/README.md.
"""

# ruff: noqa: F401, F403 (a facade: what is imported here is what `machine` offers)
from umachine import *

from machine._buses import I2C, SPI
from machine._pins import PWM, Counter, Pin
from machine._system import HARD_RESET, PWRON_RESET, WDT, WDT_RESET, hold_watchdog, reset, reset_cause, unique_id
from machine._uart import UART
