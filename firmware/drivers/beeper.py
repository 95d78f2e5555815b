"""The beeper: short patterns that a rider knows without looking; a new one cuts off what still sounds.

It must never know why it beeps; it is handed a machine.PWM.
Spec: machine.PWM (it sounds while duty_u16 is not 0); patterns: one high tone, two low ones, one long low one.
"""

import asyncio

HALF = 32768  # a square wave is the loudest
# name: (frequency Hz, sounds ms, then silent ms) …
PATTERNS = {
    "accepted": ((2700, 120, 0),),
    "refused": ((900, 150, 80), (900, 150, 0)),
    "error": ((500, 600, 0),),
}


class Beeper:
    """play() returns at once; run() makes the sound and belongs to whoever supervises the tasks."""

    def __init__(self, pwm):
        self._pwm = pwm
        self._wanted = asyncio.Event()
        self._pattern = ()

    def play(self, name: str):
        """One of PATTERNS (KeyError)."""
        self._pattern = PATTERNS[name]
        self._wanted.set()

    async def run(self):
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                await self._sound(self._pattern)
        finally:
            self._pwm.duty_u16(0)

    async def _sound(self, pattern):
        for frequency_hz, sounds_ms, silent_ms in pattern:
            self._pwm.freq(frequency_hz)
            self._pwm.duty_u16(HALF)
            await self._pause(sounds_ms)
            self._pwm.duty_u16(0)
            await self._pause(silent_ms)
            if self._wanted.is_set():
                return

    async def _pause(self, ms):
        """Ends early when another pattern is wanted."""
        if ms and not self._wanted.is_set():
            try:
                await asyncio.wait_for_ms(self._wanted.wait(), ms)
            except asyncio.TimeoutError:
                pass
