"""The people and their tokens: who may log in, with which roles, until when a token lasts; and what each role may do.

Never makes anybody and never sees a secret: the `vuzol` command does. What is changed here goes through access/.
Specification: controller/access/README.md; access/table.py for the rights.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from controller.access.actor import ROLES
from controller.access.audit import describe
from controller.access.people import Person
from controller.access.refused import Refused
from controller.access.table import ACTIONS, may
from controller.access.tokens import Token
from controller.web.dom import Rows, box, on, put, text
from controller.web.pulse import Moment
from controller.web.visit import Visit

READ_AGAIN_S = 2.0


class _Cells(NamedTuple):
    """One row of a list: its texts, and the button at its end."""

    root: ui.element
    texts: list[TextElement]
    button: TextElement


class PeoplePanel:
    """Built once a page; read anew while it is open."""

    def __init__(self, visit: Visit, _moment: Moment) -> None:
        self._visit = visit
        words = visit.words
        assert visit.desk.access is not None
        self._access = visit.desk.access
        with box("section", "panel people", aria_labelledby="people-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.people"), id="people-title")
                text("p", words.say("people.how"), "panel-note")
                text("code", "vuzol user add")
            self._people = self._list(("person", "roles", "factor", "access"), self._fill_person, "people.manage")
            self._refusal = text("p", look="alert-refusal", role="alert")
        with box("section", "panel tokens", aria_labelledby="tokens-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.tokens"), id="tokens-title")
                text("p", words.say("people.tokens_how"), "panel-note")
                text("code", "vuzol token add")
            self._tokens = self._list(("label", "person", "scopes", "expires"), self._fill_token, "tokens.manage")
        _rights(visit)
        self._read()
        ui.timer(READ_AGAIN_S, self._read)

    def show(self, moment: Moment) -> None:
        """Nothing of the town stands here."""

    def _read(self) -> None:
        self._people.show(self._access.people.all())
        self._tokens.show(self._access.tokens.all())

    def _list(self, columns: tuple[str, ...], fill: object, action: str) -> Rows[object, _Cells]:
        with box("div", "paged-table"), box("table"):
            with box("thead"), box("tr"):
                for name in columns:
                    text("th", self._visit.words.say(f"column.{name}"), scope="col")
                text("th", scope="col", aria_label=self._visit.words.say("people.act"))
            return Rows(box("tbody"), partial(self._make, len(columns), action), fill)  # type: ignore[arg-type]

    def _make(self, columns: int, action: str) -> tuple[ui.element, _Cells]:
        with box("tr") as row:
            texts = [text("th" if n == 0 else "td", scope="row" if n == 0 else "") for n in range(columns)]
            with box("td", "cell-act"):
                allowed = may(self._visit.actor, action)
                button = text("button", look="button", type="button", data_hidden="no" if allowed else "yes")
        cells = _Cells(row, texts, button)
        on(button, "click", partial(self._press, cells), action)
        return row, cells

    def _fill_person(self, cells: _Cells, person: Person) -> None:
        words = self._visit.words
        put(cells.root, data_id=person.name, data_kind="person", data_state="warn" if person.locked else "")
        told = (
            person.name,
            ", ".join(words.say(f"role.{role}") for role in ROLES if role in person.roles),
            words.say("people.yes" if person.has_totp else "people.no"),
            words.say(_access_word(person)),
        )
        _put_texts(cells, told, words.say("people.unlock" if person.locked else "people.lock"))

    def _fill_token(self, cells: _Cells, token: Token) -> None:
        words = self._visit.words
        put(cells.root, data_id=str(token.id), data_kind="token")
        scopes = ", ".join(words.name_of("action", scope) for scope in token.scopes)
        _put_texts(cells, (token.label, token.person, scopes, words.stamp(token.expires_s)), words.say("people.revoke"))

    async def _press(self, cells: _Cells) -> None:
        """Lock or unlock the person of this row, or revoke its token."""
        subject = str(cells.root.props["data-id"])
        self._refusal.text = ""
        try:
            if cells.root.props["data-kind"] == "token":
                token = await self._access.write(self._access.tokens.revoke, int(subject))
                describe(f"token {subject}", token.public())
            else:
                before = self._access.people.get(subject)
                await self._access.write(partial(self._access.people.lock, subject, locked=not before.locked))
                describe(f"user {subject}", before.public(), self._access.people.get(subject).public())
        except Refused:
            self._refusal.text = self._visit.words.say("people.refused")
        self._read()


def _access_word(person: Person) -> str:
    if person.locked:
        return "people.locked"
    return "people.logs_in" if person.logs_in else "people.tokens_only"


def _put_texts(cells: _Cells, told: tuple[str, ...], button: str) -> None:
    for element, words in zip(cells.texts, told, strict=True):
        element.text = words
    cells.button.text = button


def _rights(visit: Visit) -> None:
    """The table of who may what, as it is in force."""
    words = visit.words
    with box("section", "panel rights", aria_labelledby="rights-title"):
        with box("div", "panel-head"):
            text("h2", words.say("section.rights"), id="rights-title")
        with box("div", "rights-room", tabindex="0", role="region", aria_labelledby="rights-title"), box("table"):
            with box("thead"), box("tr"):
                text("th", words.say("column.action"), scope="col")
                for role in ROLES:
                    text("th", words.say(f"role.{role}"), scope="col")
            with box("tbody"):
                for action, roles in ACTIONS.items():
                    with box("tr"):
                        text("th", words.name_of("action", action), scope="row")
                        for role in ROLES:
                            text("td", words.say("people.yes") if role in roles else "")
