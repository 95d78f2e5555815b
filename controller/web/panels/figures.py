"""The counters in one dense line.

Never counts; shows what figures.py put into words.
Specification: controller/web/README.md.
"""

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from controller.web.dom import Rows, box, put, text
from controller.web.figures import Figure
from controller.web.pulse import Moment
from controller.web.visit import Visit

_Texts = tuple[ui.element, TextElement, TextElement, TextElement]


class FiguresPanel:
    """Built once a page, then shown each moment."""

    def __init__(self, visit: Visit, moment: Moment) -> None:
        self._visit = visit
        with box("section", "figures", aria_labelledby="figures-title"):
            text("h2", visit.words.say("section.figures"), "unseen", id="figures-title")
            self._rows: Rows[Figure, _Texts] = Rows(box("dl", "figure-row"), _make, _fill)
        self.show(moment)

    def show(self, moment: Moment) -> None:
        """Bring up to date."""
        self._rows.show(self._visit.scene(moment).figures)


def _make() -> tuple[ui.element, _Texts]:
    with box("div", "figure") as row:
        label = text("dt", look="figure-label")
        value = text("dd", look="figure-value")
        note = text("dd", look="figure-note")
    return row, (row, label, value, note)


def _fill(texts: _Texts, figure: Figure) -> None:
    row, label, value, note = texts
    put(row, data_key=figure.key, data_state=figure.state)
    label.text, value.text, note.text = figure.label, figure.value, figure.note
