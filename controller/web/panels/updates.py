"""Releases on their way over the fleet, who failed and why, and what waits for a second person's word.

Never decides whose turn it is: services/rollouts.py did. Who may not act has no buttons.
Specification: controller/README.md, "Updates"; controller/access/README.md, "Two people".
"""

from __future__ import annotations

from functools import partial

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from controller.access.audit import describe
from controller.access.proposals import Proposal
from controller.access.refused import Refused
from controller.access.table import may
from controller.services.documents import DocumentRefused
from controller.services.rollout import BAD, CONFIRMED, PAUSED, RUNNING, STOPPED, UNFIT
from controller.services.rollouts import RolloutView
from controller.web.dom import Rows, box, on, put, text
from controller.web.pulse import Moment
from controller.web.visit import Visit

LOOK_S = 2.0
FAILED_SHOWN = 12
ACTION = "updates.publish"
_LOOKS = {RUNNING: "good", PAUSED: "bad", STOPPED: "none"}
_BUTTONS = {RUNNING: ("pause", "stop"), PAUSED: ("resume", "stop"), STOPPED: ()}
_DONE = {"pause": PAUSED, "resume": RUNNING, "stop": STOPPED}


class _Rollout:
    """One rollout for as long as it stands on the page."""

    def __init__(self, panel: UpdatesPanel, version: int) -> None:
        self._panel = panel
        say = panel.visit.words.say
        with box("li", "rollout", data_release=str(version)) as self.root:
            self._title = text("b", look="rollout-title")
            self._bar = box("progress", aria_label=say("updates.bar", release=version))
            self._states = text("span", look="rollout-states")
            self._failed: Rows[tuple[str, str, str], tuple[TextElement, TextElement]] = Rows(
                box("ul", "rollout-failed"), _make_failed, _fill_failed
            )
            self._buttons: dict[str, TextElement] = {}
            if may(panel.visit.actor, ACTION):
                with box("div", "alert-buttons"):
                    for name in _DONE:
                        button = text("button", say(f"updates.{name}"), "act", type="button")
                        on(button, "click", partial(panel.change, version, name), ACTION)
                        self._buttons[name] = button

    def fill(self, view: RolloutView, failed: list[tuple[str, str, str]]) -> None:
        words = self._panel.visit.words
        state = words.say(f"updates.{view.state}")
        if view.reason:
            state = f"{state}: {words.name_of('updates.reason', view.reason)}"
        put(self.root, data_state=_LOOKS[view.state])
        self._title.text = words.say(
            "updates.title", release=view.version, state=state, wave=view.wave, waves=view.waves, by=view.started_by
        )
        meant = sum(view.states.values()) - view.states.get(UNFIT, 0)
        put(self._bar, max=str(max(meant, 1)), value=str(view.states.get(CONFIRMED, 0)))
        self._states.text = ", ".join(
            f"{words.say(f'updates.way.{name}')} {words.number(count)}" for name, count in view.states.items()
        )
        self._failed.show(failed)
        for name, button in self._buttons.items():
            put(button, data_hidden="no" if name in _BUTTONS[view.state] else "yes")


class _Proposal:
    """What one proposed and another confirms."""

    def __init__(self, panel: UpdatesPanel, one: Proposal) -> None:
        words, actor = panel.visit.words, panel.visit.actor
        with box("li", "rollout", data_proposal=str(one.id)) as self.root:
            release = one.parameters["release"]
            text("b", words.say("updates.proposed", by=one.proposer, release=release), "rollout-title")
            plan = one.parameters["plan"]
            whom = [*(words.name_of("kind", kind) for kind in plan["kinds"]), *plan["sites"], *plan["nodes"]]
            text("span", ", ".join(whom) or words.say("updates.all_nodes"), "rollout-states")
            told = {name: one.parameters.get(name, "") for name in ("firmware", "board")}
            waves = ", ".join(f"{share:.0%}" for share in plan["waves"])
            until = words.minute(one.expires_s)
            text("span", words.say("updates.proposed_what", **told, waves=waves, until=until), "rollout-states")
            if not may(actor, one.confirm):
                return
            with box("div", "alert-buttons"):
                if one.proposer == actor.name:
                    text("span", words.say("updates.another"), "rollout-states")
                else:
                    button = text("button", words.say("updates.confirm"), "act", type="button")
                    on(button, "click", partial(panel.decide, one.id, True), one.confirm)
                button = text("button", words.say("updates.refuse"), "act", type="button")
                on(button, "click", partial(panel.decide, one.id, False), one.confirm)


class UpdatesPanel:
    """Built once a page, then shown each moment; it looks anew every two seconds."""

    def __init__(self, visit: Visit, moment: Moment) -> None:
        self.visit = visit
        self._looked_s = 0.0
        self._rollouts: dict[int, _Rollout] = {}
        self._proposals: dict[int, _Proposal] = {}
        words = visit.words
        with box("section", "panel updates", aria_labelledby="updates-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.updates"), id="updates-title")
            self._refusal = text("p", look="alert-refusal", role="alert")
            self._waiting = box("ul", "rollouts")
            self._list = box("ul", "rollouts")
            self._nothing = text("p", words.say("updates.nothing"), "footnote")
        self.show(moment)

    def show(self, moment: Moment) -> None:
        """Bring up to date."""
        if moment.snapshot.time_s - self._looked_s < LOOK_S:
            return
        self._looked_s = moment.snapshot.time_s
        self._look()

    def _look(self) -> None:
        rollouts, proposals = self.visit.desk.rollouts, self.visit.desk.proposals
        views = rollouts.views() if rollouts else []
        opened = {one.id: one for one in proposals.open() if one.action == ACTION} if proposals else {}
        put(self._nothing, data_hidden="yes" if views or opened else "no")
        for number in set(self._proposals) - set(opened):
            self._proposals.pop(number).root.delete()
        with self._waiting:
            for number, one in opened.items():
                if number not in self._proposals:
                    self._proposals[number] = _Proposal(self, one)
        with self._list:
            for view in views:
                if view.version not in self._rollouts:
                    self._rollouts[view.version] = _Rollout(self, view.version)
                    self._rollouts[view.version].root.move(target_index=0)
                self._rollouts[view.version].fill(view, self._failed(view))

    def _failed(self, view: RolloutView) -> list[tuple[str, str, str]]:
        """(node, its name, the cause in words) of the first that failed."""
        if not BAD & view.states.keys():
            return []
        words = self.visit.words
        ways = [way for way in self.visit.desk.rollouts.nodes(view.version) if way.state in BAD]
        return [
            (way.node, way.name, words.name_of("updates.cause", way.reason) or words.say(f"updates.way.{way.state}"))
            for way in ways[:FAILED_SHOWN]
        ]

    async def change(self, version: int, name: str) -> None:
        """Pause, resume or stop."""
        reason = "" if name == "resume" else self.visit.actor.name
        try:
            await self.visit.desk.rollouts.change(version, _DONE[name], reason)
        except DocumentRefused as refused:
            describe(f"release {version}", after={"do": name}, result="refused")
            self._refusal.text = str(refused)
        else:
            describe(f"release {version}", after={"do": name})
            self._refusal.text = ""
            self._look()

    async def decide(self, number: int, confirmed: bool) -> None:
        """The second person's word."""
        proposals = self.visit.desk.proposals
        try:
            await (proposals.confirm if confirmed else proposals.refuse)(self.visit.actor, number)
        except Refused as refused:
            describe(f"proposal {number}", result="refused")
            self._refusal.text = str(refused)
        else:
            self._refusal.text = ""
            self._look()


def _make_failed() -> tuple[ui.element, tuple[TextElement, TextElement]]:
    with box("li") as row:
        return row, (text("a"), text("span"))


def _fill_failed(texts: tuple[TextElement, TextElement], line: tuple[str, str, str]) -> None:
    link, cause = texts
    node, link.text, cause.text = line
    put(link, href=f"/fleet/{node}")
