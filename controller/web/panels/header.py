"""The head of the page: whose town, what time, whether the link lives, and the two switches.

Never knows the town's state beyond how many nodes are online. Theme and link are the browser's own: static/page.js.
Specification: controller/web/README.md.
"""

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from controller.web.dom import box, icon, put, text
from controller.web.language import Catalogue
from controller.web.scene import Scene
from controller.web.wording import Words

THEMES = ("auto", "light", "dark")


class Header:
    """Built once a page, then shown each moment."""

    def __init__(self, words: Words, catalogues: dict[str, Catalogue], scene: Scene) -> None:
        self._words = words
        text("a", words.say("header.skip"), "skip", href="#content")
        with box("header", "bar"):
            with box("div", "brand"):
                box("span", "brand-mark", aria_hidden="true")
                text("h1", words.say("product"), "brand-name")
                self._site = text("span", look="site")
                self._feed = text("span", look="feed")
            with box("div", "vitals"):
                self._online = _online_chip(words)
                _link(words)
                with box("p", "clock", role="timer", aria_label=words.say("header.clock")):
                    self._clock = text("span", look="clock-time")
                    self._date = text("span", look="clock-date")
            with box("div", "switches"):
                _theme_switch(words)
                _language_switch(words, catalogues)
        self.show(scene)

    def show(self, scene: Scene) -> None:
        """Bring up to date."""
        self._site.text = scene.site
        self._feed.text = (
            self._words.say("header.feed", feed=scene.feed) if scene.feed else self._words.say("header.no_feed")
        )
        self._clock.text = scene.clock
        self._date.text = scene.date
        chip, ratio = self._online
        put(chip, data_state="good" if scene.all_online else "bad")
        ratio.text = scene.online


def _online_chip(words: Words) -> tuple[ui.element, TextElement]:
    with box("p", "chip online") as chip:
        icon("state")
        ratio = text("b")
        text("span", words.say("header.nodes"), "chip-word")
    return chip, ratio


def _link(words: Words) -> None:
    """Both states stand ready; page.js says on <html data-link> which one is true, also when the server is gone."""
    with box("div", "chip link", role="status"):
        with box("span", "link-live"):
            box("i", "beacon", aria_hidden="true")
            text("b", words.say("header.link.live"))
        with box("span", "link-lost", title=words.say("header.link.lost_detail")):
            icon("cut")
            text("b", words.say("header.link.lost"))


def _theme_switch(words: Words) -> None:
    with box("button", "switch theme", type="button", data_theme_switch="", title=words.say("header.theme.label")):
        for theme in THEMES:
            with box("span", f"theme-{theme}"):
                icon(theme)
                text("span", words.say(f"header.theme.{theme}"), "unseen")


def _language_switch(words: Words, catalogues: dict[str, Catalogue]) -> None:
    with box("nav", "switch languages", aria_label=words.say("header.language")):
        for language, catalogue in catalogues.items():
            name = catalogue.say("language.own_name")
            link = text(
                "a", catalogue.say("language.short"), href=f"?lang={language}", lang=language, hreflang=language
            )
            put(link, title=name, aria_label=name)
            if language == words.language:
                put(link, aria_current="true")
