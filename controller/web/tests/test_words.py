"""Words: the catalogues agree, plurals are right, and no text of the page stands in code.

Never looks at the layout.
Specification: controller/web/README.md, "Words"; Unicode CLDR, plural rules; RFC 9110 §12.5.4.
"""

import json
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from controller.metrics import REASONS
from controller.web.desk import Desk
from controller.web.language import (
    LANGUAGES,
    PLURAL_CATEGORIES,
    PLURAL_FORMS,
    preferred_language,
    read_catalogues,
)
from controller.web.tests.conftest import Open, Serve
from controller.web.tests.desk import TOLD
from controller.web.tests.past import METER, POST
from controller.web.tests.tour import every_page
from controller.web.tests.town import START_S, HandMadeLive, troubled
from controller.web.wording import Words, delay_state

HOUSE = Path(__file__).parents[1]
KYIV = ZoneInfo("Europe/Kyiv")
CATALOGUES = read_catalogues()
UK, EN = (Words(CATALOGUES[language], KYIV) for language in ("uk", "en"))

# Everything that a reader can see or hear, piece by piece.
READ_ALL = """() => {
  const found = new Set();
  const add = (text) => text?.trim() && found.add(text.trim());
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    if (!texts.currentNode.parentElement.closest("script, style, #popup, #too_long_message_popup, #esm-fallback"))
      add(texts.currentNode.textContent);
  }
  for (const node of document.querySelectorAll("body *"))
    for (const name of ["aria-label", "title", "alt", "placeholder", "data-label"]) add(node.getAttribute(name));
  add(document.title);
  return [...found];
}"""


def without_plurals(key: str) -> str:
    stem, _, last = key.rpartition(".")
    return stem if last in PLURAL_CATEGORIES else key


def test_both_languages_have_the_same_keys() -> None:
    uk, en = ({without_plurals(key) for key in CATALOGUES[language].messages} for language in LANGUAGES)
    assert uk == en


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_plural_has_the_forms_of_its_language(language: str) -> None:
    messages = CATALOGUES[language].messages
    for stem in {without_plurals(key) for key in messages if without_plurals(key) != key}:
        forms = {category for category in PLURAL_CATEGORIES if f"{stem}.{category}" in messages}
        assert forms == set(PLURAL_FORMS[language]), stem


def test_both_languages_fill_in_the_same_values() -> None:
    for key, text in CATALOGUES["uk"].messages.items():
        names = set(re.findall(r"{(\w+)}", text))
        for other, words in CATALOGUES["en"].messages.items():
            if without_plurals(other) == without_plurals(key):
                assert set(re.findall(r"{(\w+)}", words)) == names, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_of_the_controller_has_a_name_and_advice(language: str) -> None:
    for reason in (*REASONS, "other"):
        assert CATALOGUES[language].has(f"reason.{reason}.name")
        assert CATALOGUES[language].has(f"reason.{reason}.advice")


@pytest.mark.parametrize(
    ("n", "text"),
    [(1, "1 запис"), (2, "2 записи"), (5, "5 записів"), (11, "11 записів"), (21, "21 запис"), (112, "112 записів")],
)
def test_ukrainian_counts_as_ukrainians_do(n: int, text: str) -> None:
    assert UK.count("alarm.missing.amount", n) == text


def test_numbers_are_parted_as_each_language_does() -> None:
    assert [UK.number(n) for n in (0, 4623, 12846, -7)] == ["0", "4623", "12\u00a0846", "\u22127"]
    assert [EN.number(n) for n in (0, 4623, 12846, -7)] == ["0", "4,623", "12,846", "\u22127"]


def test_a_clock_is_the_towns_and_says_the_day_when_it_was_another() -> None:
    assert UK.clock(START_S) == "14:32:07"
    assert EN.moment(START_S - 60, START_S) == "14:31:07"
    assert EN.moment(START_S - 86_400, START_S) == "Friday, 20 November, 14:32:07"
    assert UK.date(START_S) == "субота, 21 листопада"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "just now"), (4.9, "just now"), (7, "5 s ago"), (59, "50 s ago"), (61, "1 min ago"), (7200, "2 h ago")],
)
def test_an_age_steps_so_that_a_quiet_page_stays_quiet(seconds: float, text: str) -> None:
    assert EN.age(seconds) == text


@pytest.mark.parametrize(
    ("delay_s", "label", "state"),
    [
        (None, "немає даних", "unknown"),
        (59, "вчасно", "on_time"),
        (-59, "вчасно", "on_time"),
        (120, "+2 хв", "on_time"),
        (180, "+3 хв", "late"),
        (-61, "\u22121 хв", "early"),
    ],
)
def test_a_delay_is_told_in_whole_minutes(delay_s: int | None, label: str, state: str) -> None:
    assert UK.delay(delay_s) == label
    assert delay_state(delay_s) == state


@pytest.mark.parametrize(
    ("asked", "kept", "header", "language"),
    [
        (None, None, "", "uk"),
        (None, None, "de-DE,fr;q=0.8", "uk"),
        (None, None, "en-US,en;q=0.9,uk;q=0.8", "en"),
        (None, None, "ru,uk;q=0.9,en;q=0.8", "uk"),
        (None, None, "en;q=0,uk;q=broken", "uk"),
        (None, "en", "uk", "en"),
        ("uk", "en", "en", "uk"),
        ("klingon", None, "en", "en"),
    ],
)
def test_the_language_is_what_was_asked_then_kept_then_the_browsers(
    asked: str | None, kept: str | None, header: str, language: str
) -> None:
    assert preferred_language(asked, kept, header) == language


def test_code_holds_no_ukrainian_text() -> None:
    files = [*HOUSE.glob("*.py"), *HOUSE.glob("panels/*.py"), *HOUSE.glob("static/*")]
    assert [file.name for file in files if re.search("[а-яіїєґ]", file.read_text("utf-8"), re.IGNORECASE)] == []


async def test_every_word_on_the_page_comes_from_the_catalogue_or_the_town(
    serve: Serve, visit: Open, desk: Desk, tmp_path: Path
) -> None:
    for language in LANGUAGES:  # every message in brackets: what stands on the page without them, stands in code
        lines = (
            f"{json.dumps(key)} = {json.dumps(text if key.startswith('format.') else f'⟦{text}⟧')}"
            for key, text in CATALOGUES[language].messages.items()
        )
        (tmp_path / f"{language}.toml").write_text("\n".join(lines), "utf-8")
    snapshot = troubled()
    data = {snapshot.site, *(route for route, _, _ in snapshot.shapes)}
    for node in snapshot.nodes:
        data |= {node.name, node.node, node.place, node.firmware}
    data |= {snapshot.feed_name, "demo", "?", "/", "t", "Esc", POST.name, METER.name}
    data |= TOLD | {"vuzol user add", "vuzol user add NAME --role administrator", "vuzol token add"}
    pieces: set[str] = set()
    async with serve(HandMadeLive(snapshot), desk, messages=tmp_path) as address, visit(address, "/login") as seen:
        pieces |= set(await seen.page.evaluate(READ_ALL))
        async for _ in every_page(seen.page, address):
            pieces |= set(await seen.page.evaluate(READ_ALL))
    assert len(pieces) > 300
    strange = [piece for piece in pieces if "⟦" not in piece and piece not in data]
    assert [piece for piece in strange if re.search(r"[^\W\d_]", piece)] == []
