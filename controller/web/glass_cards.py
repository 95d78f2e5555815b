"""The displays as cards: the real picture, where it hangs, how old it is, and whether a record proves it.

Never knows NiceGUI or a browser.
Specification: controller/services/live.py, DisplayView; the texts are messages/*.toml.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.web.glass import picture_url, proof
from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.live import DisplayView, Snapshot


@dataclass(frozen=True, slots=True)
class Glass:
    """One display as its card shows it."""

    node: str
    name: str
    stop: str
    width: int
    height: int
    picture: str
    description: str
    state: str
    state_word: str
    mode: str
    age: str
    age_title: str
    proof: str
    proof_word: str
    proof_title: str


def glasses(snapshot: Snapshot, contradicted: Collection[str], words: Words) -> tuple[Glass, ...]:
    """The displays' cards, equal sizes together, then by name. `contradicted`: nodes long without a proof."""
    stops = {stop.stop_id: stop.name for stop in snapshot.stops}
    online = {node.node for node in snapshot.nodes if node.online}
    return tuple(
        _glass(
            display,
            stops.get(display.stop_id, display.stop_id),
            "contradicted" if display.node in contradicted else proof(display),
            display.node in online,
            words,
            snapshot.time_s,
        )
        for display in sorted(snapshot.displays, key=lambda display: (display.width, display.height, display.name))
    )


def _glass(display: DisplayView, stop: str, proven: str, online: bool, words: Words, now_s: float) -> Glass:
    age_title = ""
    if display.picture_crc is None:
        age = words.say("glass.never")
    elif display.shown_at_s is None:
        age = words.say("glass.no_clock")
    else:
        age = words.say("glass.since", clock=words.clock(display.shown_at_s), age=words.age(now_s - display.shown_at_s))
        age_title = words.say("glass.since_title", moment=words.moment(display.shown_at_s, now_s))
    proof_word = words.say(f"glass.proof.{proven}")
    state_word = words.say("state.online" if online else "state.offline")
    crc = f"{display.picture_crc:08x}" if display.picture_crc is not None else words.say("none")
    mode = words.name_of("glass.mode", display.mode)
    return Glass(
        node=display.node,
        name=display.name,
        stop=stop if stop != display.name else "",
        width=display.width,
        height=display.height,
        picture=picture_url(display.width, display.height, display.bits) if display.bits is not None else "",
        description=words.say("glass.description", name=display.name, mode=mode, proof=proof_word),
        state="online" if online else "offline",
        state_word=state_word,
        mode=mode,
        age=age,
        age_title=age_title,
        proof=proven,
        proof_word=proof_word,
        proof_title=words.say(f"glass.proof_title.{proven}", crc=crc),
    )
