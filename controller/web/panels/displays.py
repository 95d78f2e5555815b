"""The displays: each one's real picture, drawn lamp by lamp, with its age and its proof.

Never makes a picture: glass.py did. page.css shapes the lamps, so a picture travels as a few hundred bytes.
Specification: controller/web/README.md, "Pictures".
"""

from nicegui import ui

from controller.web.dom import Rows, box, icon, put, text
from controller.web.glass_cards import Glass
from controller.web.panels.pager import Pager
from controller.web.pulse import Moment
from controller.web.visit import Visit
from controller.web.wording import Words

CARDS_A_PAGE = 12
WIDE = 160  # lamps; from here on a card takes two columns, or its lamps would be too small to read


class _Card:
    def __init__(self, words: Words) -> None:
        with box("li", "glass") as self.root, box("div", "glass-card"):
            with box("div", "face") as self.face:
                self.image = box("img", "lamps", draggable="false")
                self.waiting = text("p", words.say("glass.waiting"), "waiting")
                with box("span", "glass-state"):
                    icon("state")
                    self.state = text("span")
            with box("div", "glass-words"):
                with box("p", "glass-head"):
                    self.name = text("b", look="glass-name")
                    self.stop = text("span", look="glass-stop")
                with box("div", "glass-foot"):
                    with box("span", "proof") as self.proof:
                        icon("proof")
                        self.proof_word = text("span")
                    self.age = text("span", look="glass-age")

    def fill(self, glass: Glass) -> None:
        put(
            self.root,
            id=f"glass-{glass.node}",
            data_state=glass.state,
            data_wide="yes" if glass.width >= WIDE else "no",
        )
        put(self.face, style=f"--w:{glass.width};--h:{glass.height}", data_proof=glass.proof)
        if glass.picture:
            put(self.image, src=glass.picture, alt=glass.description)
        put(self.stop, title=glass.stop)
        put(self.age, title=glass.age_title)
        put(self.proof, data_proof=glass.proof, title=glass.proof_title)
        self.name.text, self.stop.text, self.state.text = glass.name, glass.stop, glass.state_word
        self.proof_word.text, self.age.text = glass.proof_word, glass.age


class DisplaysPanel:
    """Built once a page, then shown each moment. On the page of one node it is that node's glass."""

    def __init__(self, visit: Visit, moment: Moment) -> None:
        words = visit.words
        self._visit = visit
        self._moment = moment
        self._shown: tuple[Glass, ...] | None = None
        with box("section", "panel displays", aria_labelledby="displays-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.displays"), id="displays-title")
                text("p", words.say("glass.subtitle"), "panel-note")
                self._pager = Pager(visit, CARDS_A_PAGE, self._turn)
            self._empty = text("p", words.say("glass.empty"), "empty")
            self._cards: Rows[Glass, _Card] = Rows(box("ul", "glasses"), lambda: _made(words), _Card.fill)
        self.show(moment)

    def _turn(self) -> None:
        self._shown = None
        self.show(self._moment)

    def show(self, moment: Moment) -> None:
        """Bring up to date."""
        self._moment = moment
        node = self._visit.address.subject
        glasses = tuple(one for one in self._visit.scene(moment).glasses if not node or one.node == node)
        if glasses == self._shown:
            return
        self._shown = glasses
        put(self._empty, data_hidden="yes" if glasses else "no")
        self._cards.show(self._pager.cut(glasses))


def _made(words: Words) -> tuple[ui.element, _Card]:
    card = _Card(words)
    return card.root, card
