"""The head of every page: whose town, whether all is well, what time, whether the link lives, who reads, the way about.

Never decides what is wrong. Theme and link are the browser's own: static/page.js.
Specification: controller/web/README.md, "Pages".
"""

from collections.abc import Iterable

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from controller.web.dom import box, icon, put, text
from controller.web.pulse import Moment
from controller.web.visit import Visit
from controller.web.wording import Words

THEMES = ("auto", "light", "dark")


class Header:
    """Built once a page, then shown each moment. `ways`: key and address of each page that this reader may see."""

    def __init__(
        self,
        visit: Visit,
        moment: Moment,
        languages: Iterable[Words],
        ways: Iterable[tuple[str, str]],
        here: str,
    ) -> None:
        words = self._words = visit.words
        self._visit = visit
        text("a", words.say("header.skip"), "skip", href="#content")
        with box("header", "bar"):
            with box("div", "brand"):
                box("span", "brand-mark", aria_hidden="true")
                text("span", words.say("product"), "brand-name")
                self._site = text("span", look="site")
            with box("a", "chip verdict-chip", href="/") as self._state:
                icon("state")
                self._wrong = text("b")
            with box("div", "vitals"):
                with box("p", "chip online") as self._chip:
                    icon("state")
                    self._online = text("b")
                    text("span", words.say("header.nodes"), "chip-word")
                _link(words)
                with box("p", "clock", role="timer", aria_label=words.say("header.clock")):
                    self._clock = text("span", look="clock-time")
                    self._date = text("span", look="clock-date")
            with box("div", "switches"):
                _reader(visit)
                text("button", "?", "switch help-open", type="button", aria_label=words.say("help.title"), data_help="")
                _theme_switch(words)
                _language_switch(words, languages)
        with box("nav", "ways", aria_label=words.say("header.ways")):
            for number, (key, path) in enumerate(ways, 1):
                with box("a", "way", href=path, data_key=_digit(number), aria_keyshortcuts=_digit(number)) as way:
                    text("span", words.say(f"way.{key}"))
                if key == here:
                    put(way, aria_current="page")
        if visit.actor.via == "open":
            text("p", words.say("header.open", name=visit.actor.name), "open-banner", role="note")
        self.show(moment)

    def show(self, moment: Moment) -> None:
        """Bring up to date."""
        scene = self._visit.scene(moment)
        self._site.text = moment.snapshot.site
        self._clock.text = scene.clock
        self._date.text = scene.date
        put(self._state, data_state="bad" if scene.wrong else "good")
        self._wrong.text = (
            self._words.count("header.wrong", scene.wrong) if scene.wrong else self._words.say("calm.headline")
        )
        online, total = scene.online
        put(self._chip, data_state="good" if online == total else "bad")
        self._online.text = scene.online_words


def _link(words: Words) -> None:
    """Both states stand ready; page.js says on <html data-link> which one is true, also when the server is gone."""
    with box("div", "chip link", role="status"):
        with box("span", "link-live"):
            box("i", "beacon", aria_hidden="true")
            text("b", words.say("header.link.live"))
        with box("span", "link-lost", title=words.say("header.link.lost_detail")):
            icon("cut")
            text("b", words.say("header.link.lost"))


def _reader(visit: Visit) -> None:
    """Who reads; a login can be ended, an open door cannot."""
    with box("div", "reader"):
        if visit.actor.via != "user":
            icon("person")
            text("span", visit.actor.name, "reader-name")
        else:
            with box("a", "reader", href="/me", title=visit.words.say("own.title")):
                icon("person")
                text("span", visit.actor.name, "reader-name")
            text("button", visit.words.say("header.leave"), "leave", type="button", data_leave="")


def _theme_switch(words: Words) -> None:
    with box("button", "switch theme", type="button", data_theme_switch="", title=words.say("header.theme.label")):
        for theme in THEMES:
            with box("span", f"theme-{theme}"):
                icon(theme)
                text("span", words.say(f"header.theme.{theme}"), "unseen")


def _language_switch(words: Words, languages: Iterable[Words]) -> None:
    with box("nav", "switch languages", aria_label=words.say("header.language")):
        for one in languages:
            code, name = one.language, one.say("language.own_name")
            link = text("a", one.say("language.short"), href=f"?lang={code}", lang=code, hreflang=code)
            put(link, title=name, aria_label=name, data_with_choices="")
            if code == words.language:
                put(link, aria_current="true")


def help_dialog(words: Words, ways: Iterable[tuple[str, str]]) -> ui.element:
    """The keys that work everywhere; static/page.js opens it. Single keys can be switched off (WCAG 2.2, 2.1.4)."""
    with box("dialog", "help", id="help", aria_labelledby="help-title") as dialog:
        text("h2", words.say("help.title"), id="help-title")
        with box("dl", "help-keys"):
            for number, (key, _) in enumerate(ways, 1):
                _key(_digit(number), words.say(f"way.{key}"))
            for key in ("?", "/", "t", "Esc"):
                _key(key, words.say(f"help.key.{_NAMES[key]}"))
        with box("label", "help-switch"):
            box("input", type="checkbox", data_keys_switch="")
            text("span", words.say("help.switch"))
        text("button", words.say("help.close"), "button", type="button", data_close="")
    return dialog


def _digit(number: int) -> str:
    """The tenth page has the key after the nine's."""
    return str(number % 10)


_NAMES = {"?": "help", "/": "search", "t": "theme", "Esc": "close"}


def _key(key: str, meaning: str) -> TextElement:
    with box("div"):
        with box("dt"):
            text("kbd", key)
        return text("dd", meaning)
