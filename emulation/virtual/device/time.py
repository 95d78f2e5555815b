"""MicroPython's `time` in virtual time: what waits here waits for the emulator.
It must never read a real clock, as the builtin module of the same name would.
Specification: MicroPython's documentation of `time`; bus_link.py.
"""

# ruff: noqa: F401 (a facade: what is imported here is what `time` offers)
import bus_link
from utime import gmtime, localtime, mktime, ticks_add, ticks_diff


def time():
    """Seconds since power came: a board has no clock that runs on."""
    return bus_link.now_us // 1000000


def time_ns():
    return bus_link.now_us * 1000


def ticks_ms():
    return ticks_add(bus_link.now_us // 1000, 0)


def ticks_us():
    return ticks_add(bus_link.now_us, 0)


ticks_cpu = ticks_us


def sleep_us(us):
    end_us = bus_link.now_us + us
    while bus_link.now_us < end_us:
        bus_link.wait(end_us)


def sleep_ms(ms):
    sleep_us(ms * 1000)


def sleep(s):
    sleep_us(int(s * 1000000))
