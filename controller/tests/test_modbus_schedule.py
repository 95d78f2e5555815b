"""Whose turn it is on a bus: dead units, slow ones, backlogs and damaged answers, minutes of it in virtual time.

Never opens a port. Specification: README.md beside the controller's code, "Buses".
"""

import asyncio
from collections.abc import Coroutine
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from controller.tests.modbus_line import Poll
from controller.tests.modbus_node import ModbusNode
from controller.tests.peer import START_MS, make_entry
from controller.tests.virtual_time import VirtualLine, VirtualLoop, VirtualUnit
from controller.transports.mailbox import Mailbox
from controller.transports.modbus_bus import Bus
from controller.transports.modbus_unit import MAX_PAUSE_S, Conversation, Unit

ANSWER = bytes((3, 2, 0, 7))


def play(line: VirtualLine, conversations: dict[int, Conversation], seconds: float, *then: Any) -> dict[int, Unit]:
    """The bus for so long; `then` are functions, each called before as many seconds again."""

    async def run() -> dict[int, Unit]:
        bus = Bus("test", line, 1.0, conversations)
        task = asyncio.create_task(bus.run())
        await asyncio.sleep(seconds)
        for happen in then:
            happen()
            await asyncio.sleep(seconds)
        task.cancel()
        return {unit.address: unit for unit in bus.units}

    return virtually(run())


def virtually(job: Coroutine[Any, Any, dict[int, Unit]]) -> dict[int, Unit]:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(job)
    finally:
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def alive(takes_s: float = 0.005) -> VirtualUnit:
    return VirtualUnit(lambda pdu: ANSWER, takes_s)


def dead() -> VirtualUnit:
    return VirtualUnit(lambda pdu: None)


def test_three_dead_of_thirty_leave_the_others_their_schedule() -> None:
    units = {number: dead() if number in (4, 13, 22) else alive() for number in range(1, 31)}
    seen = play(VirtualLine(units, line_s=0.02), {number: Poll() for number in units}, 600)
    healthy = [unit for number, unit in seen.items() if number not in (4, 13, 22)]
    kept = sum(unit.kept for unit in healthy) / sum(unit.kept + unit.missed for unit in healthy)
    assert kept >= 0.97
    assert all(unit.timeouts == 0 for unit in healthy)


def test_a_dead_unit_is_asked_ever_more_rarely_up_to_a_minute() -> None:
    units = {1: alive(), 2: dead()}
    play(VirtualLine(units), {1: Poll(), 2: Poll()}, 900)
    pauses = [round(b - a, 1) for a, b in pairwise(units[2].asked_s)]
    assert len(units[2].asked_s) < 30
    assert pauses[-1] == pytest.approx(MAX_PAUSE_S, abs=2)
    assert max(pauses) <= MAX_PAUSE_S + 2


def test_at_its_first_answer_a_unit_is_back_at_once_and_its_silence_was_told_once() -> None:
    units = {1: alive(), 2: alive()}
    poll = Poll()

    def die() -> None:
        units[2].answer = lambda pdu: None

    def rise() -> None:
        units[2].answer = lambda pdu: ANSWER

    seen = play(VirtualLine(units), {1: Poll(), 2: poll}, 300, die, rise)
    assert poll.silences == 1
    assert seen[2].is_heard
    since_s = next(at_s for at_s in units[2].asked_s if at_s > 600)
    assert since_s - 600 <= MAX_PAUSE_S
    rhythm = [b - a for a, b in pairwise([at_s for at_s in units[2].asked_s if at_s > since_s])]
    assert max(rhythm) < 1.1


def test_a_slow_unit_is_waited_for_and_a_quick_one_is_not_waited_for_long() -> None:
    units = {1: alive(0.004), 2: alive(0.6)}
    seen = play(VirtualLine(units), {1: Poll(5), 2: Poll(5)}, 300)
    assert seen[2].timeouts <= 3
    assert seen[2].answers > 55
    assert (seen[1].usual_s or 9) < 0.2 < 0.6 < (seen[2].usual_s or 0)


def test_a_gateway_that_still_waits_for_a_dead_unit_costs_the_next_one_nothing() -> None:
    blocked_until_s = 0.0

    class Gateway(VirtualLine):
        async def request(self, unit: int, pdu: bytes, timeout_s: float) -> bytes:
            nonlocal blocked_until_s
            now_s = asyncio.get_running_loop().time()
            delay_s = max(0.0, blocked_until_s - now_s)
            if unit == 2:
                blocked_until_s = now_s + delay_s + 0.5
            units[unit].takes_s = delay_s + 0.005
            return await super().request(unit, pdu, timeout_s)

    units = {1: alive(), 2: dead(), 3: alive()}
    seen = play(Gateway(units), {number: Poll() for number in units}, 120)
    assert seen[1].timeouts == seen[3].timeouts == 0
    assert seen[1].missed + seen[3].missed <= 2


def test_a_damaged_answer_is_asked_for_again_at_once() -> None:
    chance = Random(1)
    units = {number: alive() for number in (1, 2)}
    line = VirtualLine(units)
    line.garble = lambda: chance.random() < 0.1
    seen = play(line, {number: Poll() for number in units}, 300)
    assert seen[1].garbled > 10
    assert seen[1].kept / (seen[1].kept + seen[1].missed) > 0.95


def test_a_backlog_starves_no_poll_and_polls_starve_no_backlog() -> None:
    node = ModbusNode(make_entry(), lambda: round(loop_s() * 1000))
    for _ in range(500):
        node.peer.cash()
    arrived: list[bytes] = []

    def take(data: bytes) -> None:
        arrived.append(data)
        mailbox.taken()

    mailbox = Mailbox(1.0, lambda *_: mailbox.open(True), take, lambda: None)

    def loop_s() -> float:
        return asyncio.get_running_loop().time()

    units = {1: VirtualUnit(node.answer), **{number: alive() for number in range(2, 12)}}
    polls: dict[int, Conversation] = {number: Poll() for number in range(2, 12)}
    seen = play(VirtualLine(units, line_s=0.06), {1: mailbox, **polls}, 60)
    assert sum(map(len, arrived)) > 5000
    assert sum(unit.missed for number, unit in seen.items() if number != 1) == 0


def test_a_backlog_that_comes_with_pauses_is_not_left_waiting_for_polls() -> None:
    node = ModbusNode(make_entry(), lambda: round(asyncio.get_running_loop().time() * 1000))
    for _ in range(500):
        node.peer.cash()
    seqs: set[int] = set()

    def take(data: bytes) -> None:
        seqs.update(node.seqs(data))
        mailbox.taken()
        mailbox.send(node.receipt(seqs, START_MS + round(asyncio.get_running_loop().time() * 1000)))

    mailbox = Mailbox(1.0, lambda *_: mailbox.open(True), take, lambda: None)
    play(VirtualLine({1: VirtualUnit(node.answer)}, line_s=0.002), {1: mailbox}, 6)
    assert node.journal.receipted == 500


def test_an_exception_is_an_answer_but_a_gateways_excuse_is_none() -> None:
    units = {1: VirtualUnit(lambda pdu: bytes((0x83, 2))), 2: VirtualUnit(lambda pdu: bytes((0x83, 0x0B)))}
    seen = play(VirtualLine(units), {1: Poll(), 2: Poll()}, 60)
    assert (seen[1].is_heard, seen[1].exceptions > 50, seen[1].timeouts) == (True, True, 0)
    assert (seen[2].is_heard, seen[2].exceptions, seen[2].requests < 15) == (False, 0, True)
