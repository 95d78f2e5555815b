"""How long a node on emulated silicon takes for what people wait for, and what it leaves of its memory.
Modelled and equal in every run; never call it measured on hardware. It must never decide what is good enough.
Specification: emulation/rp2040/README.md (whose times these are); hil_tests/test_budgets.py holds them to their limits.

    python -m emulation.device_budgets    prints them as JSON
"""

import json
import math
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from emulation.launch import NodeHandle, start
from emulation.peripherals import cards
from emulation.peripherals.transcript import HEARD, SENT, Passage
from emulation.rp2040.lane import Rp2040Node
from protocols.wire import journal_format, modbus_rtu, record
from protocols.wire.messages import status

BOARD = "rpi_pico"
OWN = ("desfire", "classic", "ultralight")
OTHERS = ("bank", "phone", "ntag")
ROUNDS = 5  # of every medium
QUESTIONS = 30
UNIT = 17
BAUD = 115_200
PATIENCE_S = 20.0
LONGEST_PAUSE_S = 0.5  # between two taps, drawn: riders come at any phase of the reader's search
NODE_KEY, CITY_KEY = "11" * 32, "22" * 32
CARD_FOUND = b"\xd5\x4b\x01"  # PN532's answer to InListPassiveTarget: one target (UM0701-02, section 7.3.5)
READ_INPUT = b"\x04\x00\x00\x00\x10"  # the first sixteen live registers
BURST_PAUSE_US = 20_000
# RFC 8032, 7.1, TEST 3: as long a message as a release's offer makes, one block of SHA-512
CHECK = """
import time
from binascii import unhexlify
from protocols.wire import ed25519
public = unhexlify("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
signature = unhexlify(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)
began = time.ticks_us()
for done in ed25519.verify(public, b"\\xaf\\x82", signature):
    pass
assert done
print("verified", time.ticks_diff(time.ticks_us(), began) / 1000, "ms")
"""

# Of a tap, in this order. The first and the third are mostly the reader's and the card's (cited in peripherals/pn532.py
# and cards.py), the others ours.
STAGES = ("field", "select", "authenticate", "decide", "commit", "light")


@dataclass(frozen=True)
class Budgets:
    """Milliseconds and KiB; `stages_ms` are medians of a tap's stages by medium."""

    boot_ms: float
    tap_own_p95_ms: float
    tap_any_p95_ms: float
    free_heap_kib: float
    modbus_answer_p95_ms: float
    display_refresh_ms: float
    commit_ms: float
    ed25519_verify_ms: float
    stages_ms: dict[str, dict[str, float]] = field(default_factory=dict)


def measure() -> Budgets:
    """Raises ImageMissing."""
    with tempfile.TemporaryDirectory(prefix="vuzol-budgets-") as name:
        with start(BOARD, "fare_validator", _settings("fare_validator"), Path(name) / "validator") as validator:
            validator.gnss.move(49.99, 36.23, 8.0, 90.0)
            validator.wait_light("blue", PATIENCE_S)
            boot_ms = next(at_us for at_us, colour in validator.lights if colour == "blue") / 1000
            taps = _taps(validator)
            answers_ms = _modbus_answers(validator)
            free = min(_free_heap(validator))
        with start(BOARD, "stop_display", _settings("stop_display"), Path(name) / "display") as display:
            display.wait_until(lambda: any(map(any, display.picture())), PATIENCE_S, "a picture")
            display.pass_time(0.2)
            refresh_ms = _longest_burst_ms(_passages(display), "spi0")
        verify_ms = _verify_ms(Path(name) / "bare")
    stages = {medium: _medians([tap.stages_ms for tap in found]) for medium, found in taps.items()}
    own = [tap.total_ms for medium in OWN for tap in taps[medium]]
    every = [tap.total_ms for found in taps.values() for tap in found]
    return Budgets(
        boot_ms=round(boot_ms, 1),
        tap_own_p95_ms=percentile(own, 95),
        tap_any_p95_ms=percentile(every, 95),
        free_heap_kib=round(free / 1024, 1),
        modbus_answer_p95_ms=percentile(answers_ms, 95),
        display_refresh_ms=round(refresh_ms, 1),
        commit_ms=percentile([tap.stages_ms["commit"] for found in taps.values() for tap in found], 50),
        ed25519_verify_ms=verify_ms,
        stages_ms=stages,
    )


def _verify_ms(folder: Path) -> float:
    """Of one signature, by a program that does nothing else."""
    with start(BOARD, "stop_display", None, folder, program=("-c", CHECK)) as node:
        node.wait_until(lambda: "verified" in node.console, PATIENCE_S, "a signature that is verified")
        return float(node.console.partition("verified")[2].split()[0])


@dataclass(frozen=True)
class Tap:
    total_ms: float
    stages_ms: dict[str, float]


def _taps(node: NodeHandle) -> dict[str, list[Tap]]:
    draw = random.Random(1)
    taps: dict[str, list[Tap]] = {}
    for _ in range(ROUNDS):
        for medium in (*OWN, *OTHERS):
            node.pass_time(0.3 + draw.random() * LONGEST_PAUSE_S)
            presented_us = _now_us(node)
            node.present(cards.make(medium, draw))
            node.wait_light("green", PATIENCE_S)
            green_us = next(at_us for at_us, colour in reversed(node.lights) if colour == "green")
            taps.setdefault(medium, []).append(_tap(presented_us, green_us, _passages(node)))
            node.remove_card()
            node.wait_until(lambda: node.light() == "blue", PATIENCE_S, "the light at rest")
    return taps


def _tap(presented_us: int, green_us: int, passages: Sequence[Passage]) -> Tap:
    """Where its time went, as the wires tell: each stage ends where the next begins."""
    since = [one for one in passages if one.at_us >= presented_us]
    reader = [one for one in since if one.bus.startswith("i2c") and one.at_us < green_us]
    found_at = next(index for index, one in enumerate(reader) if CARD_FOUND in one.data)
    program = [one for one in since if one.bus == "flash" and one.at_us < green_us][-1]
    after = [one for one in reader[found_at + 1 :] if one.direction == SENT]  # the first question to the card, if any
    selected = [one for one in reader[: reader.index(after[0])] if one.direction == HEARD][-1] if after else reader[-1]
    ends_us = (
        reader[found_at].at_us,
        selected.until_us,
        max(one.until_us for one in reader if one.at_us < program.at_us),
        program.at_us,
        program.until_us,
        green_us,
    )
    begins_us = (presented_us, *ends_us[:-1])
    spent = {name: (end - begin) / 1000 for name, begin, end in zip(STAGES, begins_us, ends_us, strict=True)}
    return Tap((green_us - presented_us) / 1000, spent)


def _modbus_answers(node: NodeHandle) -> list[float]:
    """From a question's last character to the answer's first, while the node serves its reader and its receiver."""
    lane = node._node
    assert isinstance(lane, Rp2040Node)
    machine = lane.machine
    assert machine is not None
    line = machine.lines[0]
    heard_us: list[int] = []
    line.on_output = lambda _data: heard_us.append(lane.clock.now_us())
    question = modbus_rtu.build(UNIT, READ_INPUT)
    character_us = modbus_rtu.character_us(BAUD)
    draw = random.Random(2)
    answers_ms: list[float] = []
    for _ in range(QUESTIONS):
        node.pass_time(0.05 + draw.random() * 0.2)
        heard_us.clear()
        ends_us = lane.clock.now_us() + len(question) * character_us
        lane.call(lambda: line.send(question))
        if not lane.run_until(lambda: bool(heard_us), PATIENCE_S):
            raise TimeoutError(f"no answer; the console ends:\n{node.console[-2000:]}")
        answers_ms.append((heard_us[0] - character_us - ends_us) / 1000)
    return answers_ms


def _free_heap(node: NodeHandle) -> list[int]:
    records = [record.parse(data)[0] for data in journal_format.read_image(node.flash_image()).records]
    return [status.parse(one.body).heap_free for one in records if one.kind == status.KIND]


def _longest_burst_ms(passages: Sequence[Passage], bus: str) -> float:
    longest_us = began_us = until_us = 0
    for one in (one for one in passages if one.bus == bus):
        if one.at_us - until_us > BURST_PAUSE_US:
            began_us = one.at_us
        until_us = one.until_us
        longest_us = max(longest_us, until_us - began_us)
    return longest_us / 1000


def percentile(values: Sequence[float], percent: int) -> float:
    """The nearest rank."""
    return round(sorted(values)[math.ceil(len(values) * percent / 100) - 1], 2)


def _medians(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: percentile([row[name] for row in rows], 50) for name in STAGES}


def _passages(node: NodeHandle) -> list[Passage]:
    return node._node.call(node._node.wiring.transcript.passages)


def _now_us(node: NodeHandle) -> int:
    return node._node.clock.now_us()


def _settings(kind: str) -> dict[str, Any]:
    configs: dict[str, dict[str, Any]] = {
        "fare_validator": {"vehicle": 17, "door": 1, "city_key": CITY_KEY, "position_s": 10, "status_s": 10},
        "stop_display": {"width": 128, "height": 64, "stop_name": "Площа Визволення", "brightness": 8, "status_s": 10},
    }
    return {
        "version": 1,
        "node": "00000000000000a1",
        "key": NODE_KEY,
        "site": "bench",
        "kind": kind,
        "language": "uk",
        "uplink": {"transport": "modbus_rtu", "unit": UNIT, "baud": BAUD},
        "config": configs[kind],
    }


if __name__ == "__main__":
    json.dump(asdict(measure()), sys.stdout, indent=1)
