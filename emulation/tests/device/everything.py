# ruff: noqa: I001, T201, UP031 (it runs on MicroPython)
# mypy: ignore-errors
"""Runs on a validator's board: uses every part of `machine` that the board offers and prints what it saw.

It must never use a driver. Specification: emulation/tests/test_machine_on_micropython.py reads what it prints.
"""

import asyncio
import binascii
import machine
import time

from boards.unix import hal


def show(name, value):
    print("%s=%s" % (name, value))


def converse_with_reader():
    bus = hal.reader_bus()
    show("scan", bus.scan())
    show("written", bus.writeto(0x24, binascii.unhexlify("0000ff05fbd4140100001700")))
    for count in (7, 10):
        while bus.readfrom(0x24, 1) != b"\x01":
            time.sleep_ms(1)
        show("frame", binascii.hexlify(bus.readfrom(0x24, count)).decode())
    try:
        bus.readfrom(0x30, 1)
    except OSError as error:
        show("nobody", error.errno)


def use_flash():
    flash = hal.journal_flash()
    show("blocks", (flash.ioctl(4, 0), flash.ioctl(5, 0)))
    flash.ioctl(6, 3)
    flash.writeblocks(3, b"\xf0" * 300, 200)
    flash.writeblocks(3, b"\x1f", 200)
    data = bytearray(302)
    flash.readblocks(3, data, 199)
    show("programmed", (data[0], data[1], data[2], data[300], data[301]))
    big = bytearray(3 * 4096)
    for at in range(0, len(big), 4):
        big[at] = at // 4096 + 1
    flash.writeblocks(5, big)
    back = bytearray(len(big))
    flash.readblocks(5, back)
    show("whole_blocks", back == big)
    try:
        flash.ioctl(6, 128)
    except OSError as error:
        show("outside", error.errno)


async def hear_receiver():
    stream = asyncio.StreamReader(hal.gnss_uart())
    line = b""
    while not line.startswith(b"$GNRMC"):
        line = await stream.readline()
    show("rmc", line.decode().strip())


async def see_button():
    button = hal.cash_button()
    show("at_rest", button.value())
    print("press now")
    while button.value():
        await asyncio.sleep_ms(5)
    while not button.value():
        await asyncio.sleep_ms(5)
    print("pressed and let go")


def light_and_beep():
    red, green, _blue = hal.light()
    red.duty_u16(65535)
    green.duty_u16(20000)
    beeper = hal.beeper()
    beeper.freq(1234)
    beeper.duty_u16(32768)
    time.sleep_ms(50)
    beeper.duty_u16(0)


show("cause", hal.reset_cause())
show("id", binascii.hexlify(machine.unique_id()).decode())
if hal.reset_cause() == machine.PWRON_RESET:
    converse_with_reader()
    use_flash()
    asyncio.run(hear_receiver())
    asyncio.run(see_button())
    light_and_beep()
    print("now reset")
    time.sleep_ms(30)
    hal.reset()
elif hal.reset_cause() == machine.HARD_RESET:
    watchdog = hal.watchdog(2000)
    for _ in range(10):
        watchdog.feed()
        time.sleep_ms(50)
    print("no more food")
    while True:
        pass
print("bitten and alive")
