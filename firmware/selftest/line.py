"""The check of the uplink: RS-485 from an adapter at the pair's other end, or the broker of a board with a network.

Never sends before it was spoken to: others may be on the pair.
Specification: run.py. The adapter says "?", sixteen hex digits and a line's end, again and again; the node gives the
same digits back behind "!".
"""

import asyncio
from time import ticks_diff, ticks_ms

from firmware.selftest.run import GOOD, Finding, bad

QUESTION, ANSWER = b"?", b"!"
QUESTION_SIZE = 18
LISTEN_MS = 4_000
LOOK_MS = 2
CONNECT_S = 5
TURN_MS = 2


async def uplink(hal, provided, given):
    way = provided.uplink
    if way["transport"] == "modbus_rtu":
        return await _loop(hal, way) if given.get("line") else Finding(None, "no_line", {})
    if way["transport"] == "mqtt":
        return await _dial(way)
    return Finding(None, "is_called", {})  # over TCP it is the controller who calls


async def _loop(hal, way):
    parity = {"none": None, "even": 0, "odd": 1}[way["parity"]]
    uart, direction = hal.uplink()
    uart.init(baudrate=way["baud"], parity=parity)
    heard, began_ms = b"", ticks_ms()
    piece = bytearray(QUESTION_SIZE)
    while ticks_diff(ticks_ms(), began_ms) < LISTEN_MS:
        count = min(uart.any(), len(piece))
        if count:
            heard = (heard + piece[: uart.readinto(memoryview(piece)[:count])])[-2 * QUESTION_SIZE :]
        at = heard.find(QUESTION)
        if at >= 0 and heard[at + QUESTION_SIZE - 1 : at + QUESTION_SIZE] == b"\n":
            await asyncio.sleep_ms(TURN_MS)
            direction.value(1)
            uart.write(ANSWER + heard[at + 1 : at + QUESTION_SIZE])
            while not uart.txdone():
                await asyncio.sleep_ms(TURN_MS)
            direction.value(0)
            return GOOD
        await asyncio.sleep_ms(LOOK_MS)
    return bad("line_garbled" if heard else "line_silent")


async def _dial(way):
    host, port = way["host"], way["port"]
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), CONNECT_S)
    except (OSError, asyncio.TimeoutError):
        return bad("broker_silent", host=host, port=port)
    writer.close()
    await writer.wait_closed()
    return GOOD
