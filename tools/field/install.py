"""`vuzol install JOB`: a blank board becomes a tested, labelled node in service, step by step, and again if need be.

Never does twice what a board or the work folder shows as done, and never goes on behind a red step.
Specification: README.md beside this file, "The technician's day".
"""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from protocols.job import Job, JobNode
from tools import controller_api
from tools.errors import DONE, NO, UsageError
from tools.field import devices, flashing, hand_over, jobs, label, record, selftest
from tools.field.at_once import at_once
from tools.field.board import Board, Identity, stopped
from tools.field.selftest import RED, Ask, Check
from tools.field.work import Work
from tools.texts import say

STEPS = ("image", "settings", "release", "selftest", "label", "service", "report")
PORT_S = 15.0  # a board that has just got its image
SERVICE_S = 40.0
IN_SERVICE = "journal: last "  # what a node prints when it has opened its journal


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed. `ask` is a person, None when nobody is to be asked."""

    job: Path
    office: Path | None
    ports: tuple[str, ...]
    drives: tuple[Path, ...]
    image: Path | None
    release: Path | None
    line: str
    everything: bool
    node: str
    to: controller_api.Address | None
    ask: Ask | None
    language: str


@dataclass(slots=True)
class Done:
    """What became of one board. `red` is the step that failed, `advice` what to do."""

    port: str
    node: str = ""
    name: str = ""
    steps: dict[str, str] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    red: str = ""
    advice: str = ""
    sent: bool = False
    seconds: float = 0.0


Tell = Callable[[Done, str, str], None]  # the board, its step, in which state: begun, checked, done, red


def run(wish: Wish, *, as_json: bool, dry_run: bool) -> int:
    """Install every board; status 1 when one is red. Raises UsageError."""
    job = jobs.load_own(wish.job, wish.office)
    work = Work(wish.job)
    if dry_run:
        return _foretell(wish, job, as_json=as_json)
    with work.alone():
        tell = _silent if as_json else _printer(wish.language)
        ports = _with_images(wish)
        done = at_once(lambda port: one_board(wish, work, port, tell), ports)
    green = not any(one.red for one in done)
    if as_json:
        print(json.dumps({"green": green, "boards": [asdict(one) for one in done]}, ensure_ascii=False))
    else:
        for one in done:
            key = "install_red" if one.red else "install_green" if one.sent else "install_green_kept"
            print(
                say(
                    wish.language,
                    key,
                    port=one.port,
                    name=one.name or say(wish.language, "install_nameless"),
                    node=one.node,
                    advice=one.advice,
                    folder=work.folder,
                )
            )
            if one.red:
                print(say(wish.language, f"install_do_{one.red}", port=one.port))
    return DONE if green else NO


def one_board(wish: Wish, work: Work, port: str, tell: Tell) -> Done:
    """Every step of one board, in order, as far as they become green."""
    done = Done(port)
    began_s = time.monotonic()
    step = STEPS[0]

    def begin(name: str) -> None:
        nonlocal step
        if name != step:
            done.steps[step] = "done"
            tell(done, step, "done")
        step = name
        tell(done, step, "begun")

    try:
        begin("image")
        with stopped(port, PORT_S) as board:
            identity = board.identify()
            if not identity.firmware:
                raise UsageError("fault_no_firmware", port=port)
            begin("settings")
            job = jobs.load_own(wish.job, wish.office)
            node = work.node_for(job, identity, port, wish.node)
            if wish.node and node.node != wish.node:
                raise UsageError("fault_is_already", port=port, name=node.name, node=node.node)
            done.node, done.name = node.node, node.name
            hand_over.hand_over(board, identity, job, node)
            with _wiping:
                jobs.wipe(wish.job, wish.office, node)
            if wish.release:
                begin("release")
                _put_release(board, identity, wish, node)
            begin("selftest")
            for check in selftest.checks(board, identity.board, wish.line, wish.ask, wish.language):
                done.checks.append(check)
                tell(done, step, "checked")
            work.note(node.node, tested_s=int(time.time()), checks=[asdict(check) for check in done.checks])
            if red := [check for check in done.checks if check.state == RED]:
                raise UsageError("; ".join(_told(check, wish.language) for check in red))
            begin("label")
            png, _ = label.write(label.draw(node.node, node.name, node.kind, place(node)), work.folder / node.node)
            begin("service")
            board.reset()
            _wait_for_service(board, node)
        begin("report")
        done.sent = _report(wish, work, job, node, identity, done, png)
        done.steps[step] = "done"
        tell(done, step, "done")
    except UsageError as fault:
        done.red, done.advice = step, fault.text(wish.language)
        done.steps[step] = "red"
        tell(done, step, "red")
    done.seconds = round(time.monotonic() - began_s, 1)
    return done


_wiping = threading.Lock()  # several boards of one job hand over at a time, and the file is one


def place(node: JobNode) -> str:
    """Where it stands, in a few words."""
    uplink = node.settings["uplink"]
    bus = f" · unit {uplink['unit']}" if "unit" in uplink else ""
    return f"{node.settings['site']}{bus}"


def _with_images(wish: Wish) -> list[str]:
    """The ports, after every boot loader that waits has got its image. Raises UsageError."""
    waiting = [drive for drive in wish.drives if (drive / devices.INFO).is_file()]
    waiting += devices.drives("rpi_pico") if wish.everything and not wish.drives else []
    if not wish.ports and not waiting and not devices.ports() and not wish.drives:
        waiting = devices.drives("rpi_pico")
    if waiting:
        uf2 = flashing.image_of("rpi_pico", wish.image)
        at_once(lambda drive: flashing.put_image(uf2, drive), waiting)
    deadline_s = time.monotonic() + (PORT_S if waiting else 0)
    while not (found := list(wish.ports) or devices.ports()) and time.monotonic() < deadline_s:
        time.sleep(flashing.LOOK_S)
    if not found:
        raise UsageError("fault_no_board")
    if len(found) > 1 and wish.node:
        raise UsageError("fault_one_board")
    if len(found) > 1 and not wish.everything and not wish.ports:
        raise UsageError("fault_several_boards", ports=", ".join(found))
    return found


def _put_release(board: Board, identity: Identity, wish: Wish, node: JobNode) -> None:
    assert wish.release is not None
    publishers: Sequence[str] = node.settings.get("publishers", [])
    found = flashing.read_release(wish.release)
    flashing.put_release(board, identity, node.kind, found, publishers, lambda _done: None)


def _wait_for_service(board: Board, node: JobNode) -> None:
    heard, deadline_s = "", time.monotonic() + SERVICE_S
    while time.monotonic() < deadline_s:
        heard += board.console(0.2)
        if f"node {node.node}" in heard and IN_SERVICE in heard:
            return
    last = heard.strip().splitlines()[-1:] or ["–"]
    raise UsageError("fault_not_in_service", last=last[0])


def _report(wish: Wish, work: Work, job: Job, node: JobNode, identity: Identity, done: Done, png: Path) -> bool:
    """The signed record, kept, and sent if a controller is named and answers."""
    path = work.folder / f"{node.node}.commissioning.json"
    told: dict[str, Any] = {
        "node": node.node,
        "kind": node.kind,
        "name": node.name,
        "job": job.job,
        "replaces": node.replaces,
        "board": identity.board,
        "uid": identity.uid,
        "firmware": identity.firmware,
        "time_s": work.of(node.node)["tested_s"],
        "green": True,
        "checks": [{"name": one.name, "state": one.state, "cause": one.cause} for one in done.checks],
        "label": png.name,
    }
    report = record.make(told)
    record.save(report, path)
    to = wish.to or (controller_api.Address(job.controller, "") if job.controller else None)
    try:
        if to is not None:
            record.send(report, to)
    except UsageError:
        if wish.to is not None:
            raise
        return False  # there is no network here: it is sent by vuzol report, later
    return to is not None


def _foretell(wish: Wish, job: Job, *, as_json: bool) -> int:
    """What would be done: nothing is written and no board is stopped."""
    found = list(wish.ports) or devices.ports()
    told = {"job": job.job, "nodes": [node.node for node in job.nodes], "ports": found, "steps": STEPS}
    print(
        json.dumps(told)
        if as_json
        else say(wish.language, "install_would", count=len(job.nodes), ports=", ".join(found) or "–")
    )
    return DONE


def _told(check: Check, language: str) -> str:
    return f"{say(language, f'selftest_name_{check.name}')}: {check.text(language)}"


def _silent(_done: Done, _step: str, _state: str) -> None:
    pass


def _printer(language: str) -> Tell:
    def tell(done: Done, step: str, state: str) -> None:
        if state == "begun":
            return
        if state == "checked":
            selftest.show(done.checks[-1], language, done.port)
            return
        mark = {"done": "✓", "red": "✗"}[state]
        print(f"{mark} {done.port}  {say(language, f'install_step_{step}')}", flush=True)

    return tell
