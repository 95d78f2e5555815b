"""A board program for the tests of the reader: tells what the driver finds, and when it fails, as JSON lines.

It must never decide anything: the tests do.
Spec: firmware/tests/test_driver_pn532.py. Modes: watch (cards come and go), talk (speak with a card until it has
gone), hurry (take back each select before it can be done).
"""

import asyncio
import json
import sys

from boards.unix import hal
from firmware.drivers import iso14443
from firmware.drivers.pn532 import PN532, CardGone, ReaderFault

HURRY_MS = 30


class Others:
    """Another task of the node: how often it runs while the driver waits."""

    def __init__(self):
        self.turns = 0

    async def run(self):
        while True:
            await asyncio.sleep_ms(1)
            self.turns += 1


def say(**line):
    print(json.dumps(line))


async def meet(reader, target):
    found = {
        "uid": target.uid.hex(),
        "sak": target.sak,
        "atqa": target.atqa,
        "ats": target.ats.hex(),
        "medium": iso14443.medium(target),
        "random": iso14443.uid_is_random(target),
    }
    if found["medium"] == iso14443.ISO_DEP:
        answer = await reader.exchange(target, iso14443.SELECT_PPSE)
        found["bank"] = iso14443.is_bank_medium(answer)
        found["answer"] = answer.hex()
    say(found=found)
    await reader.release()
    while await reader.select():
        pass
    say(left=True, frame_errors=reader.frame_errors)


async def talk(reader, target):
    answers = 0
    while True:
        if not await reader.exchange(target, iso14443.SELECT_PPSE):
            raise ValueError("an empty answer")
        answers += 1
        if answers == 3:
            say(talking=True)


async def serve(reader, others, mode):
    await reader.open()
    say(opened=reader.firmware)
    while True:
        before = others.turns
        try:
            if mode == "hurry":
                target = await asyncio.wait_for_ms(reader.select(), HURRY_MS)
            else:
                target = await reader.select()
        except asyncio.TimeoutError:
            say(hurried=True)
            mode = "watch"
            continue
        if target is None:
            say(nobody=others.turns - before)
        elif mode == "talk":
            await talk(reader, target)
        else:
            await meet(reader, target)


async def main(mode):
    others = Others()
    task = asyncio.create_task(others.run())
    reader = PN532(hal.reader_bus())
    while True:
        try:
            await serve(reader, others, mode)
        except ReaderFault as fault:
            say(fault=fault.reason, frame_errors=reader.frame_errors)
        except CardGone as gone:
            say(gone=gone.status)
        await asyncio.sleep_ms(20)
    await task


asyncio.run(main(sys.argv[1]))
