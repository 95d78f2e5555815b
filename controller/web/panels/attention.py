"""What is wrong now, first on the page; or one calm line.

Never decides what is wrong: alerts.py did. A reader with a screen reader hears new headlines, not ticking ages.
Specification: controller/web/README.md, "What counts as wrong".
"""

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from controller.web.alerts import Alert
from controller.web.dom import Rows, box, icon, put, text
from controller.web.scene import Scene
from controller.web.wording import Words

_Texts = tuple[ui.element, TextElement, TextElement, TextElement]


class Attention:
    """Built once a page, then shown each moment."""

    def __init__(self, words: Words, scene: Scene) -> None:
        with box("section", "attention", aria_labelledby="attention-title") as self._panel:
            text("h2", words.say("section.attention"), "unseen", id="attention-title")
            self._spoken = text("p", look="unseen", role="status")
            with box("div", "calm"):
                icon("good")
                text("b", words.say("calm.headline"), "calm-headline")
                self._calm = text("span", look="calm-detail")
            self._alerts: Rows[Alert, _Texts] = Rows(box("ul", "alerts"), _make, _fill)
        self._shown: tuple[Alert, ...] | None = None
        self._calm_headline = words.say("calm.headline")
        self.show(scene)

    def show(self, scene: Scene) -> None:
        """Bring up to date."""
        self._calm.text = scene.calm
        if scene.alerts == self._shown:
            return
        self._shown = scene.alerts
        put(self._panel, data_state="wrong" if scene.alerts else "calm")
        self._spoken.text = ". ".join(alert.headline for alert in scene.alerts) or self._calm_headline
        self._alerts.show(scene.alerts)


def _make() -> tuple[ui.element, _Texts]:
    with box("li", "alert") as row:
        icon("alarm")
        with box("div", "alert-words"):
            headline = text("b", look="alert-headline")
            detail = text("span", look="alert-detail")
        advice = text("p", look="alert-advice")
    return row, (row, headline, detail, advice)


def _fill(texts: _Texts, alert: Alert) -> None:
    row, headline, detail, advice = texts
    put(row, data_severity=alert.severity)
    headline.text, detail.text, advice.text = alert.headline, alert.detail, alert.advice
