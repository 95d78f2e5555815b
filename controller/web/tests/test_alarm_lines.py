"""Alarms in words: what is wrong, where, since when, what to do, who has it, and what proved its end.

Never opens a browser.
Specification: controller/web/README.md, "What counts as wrong"; controller/alarm_rules.toml.
"""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from controller.services.alarms_life import Alarm, Note, Proof
from controller.services.alarms_rules import load_rules
from controller.web.alarm_lines import alarm_lines, done_lines, step_words
from controller.web.language import LANGUAGES, read_catalogues
from controller.web.tests.town import START_S, alarms
from controller.web.wording import Words

WORDS = {name: Words(catalogue, ZoneInfo("Europe/Kyiv")) for name, catalogue in read_catalogues().items()}
EN, UK = WORDS["en"], WORDS["uk"]
PLACE = Alarm(
    7, "place", "17", "bad", 90, START_S - 60, START_S - 55, name="17", node_kind="fare_validator", amount=6,
    victims=("Валідатор 1", "Валідатор 2", "Валідатор 3", "Валідатор 4", "Валідатор 5", "Валідатор 6"),
)  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_its_words(language: str) -> None:
    for kind, rule in load_rules().items():
        alarm = Alarm(1, kind, "wrong_mac", rule.severity, rule.harm, START_S, START_S, name="N", amount=2)
        (line,) = alarm_lines((alarm,), WORDS[language], START_S)
        assert line.headline
        assert line.advice


def test_a_line_says_what_where_since_when_and_what_to_do() -> None:
    first, never, missing, refused, _ = alarm_lines(alarms(START_S), UK, START_S)
    assert first.headline == "Валідатор 19 не на зв’язку"
    assert first.detail == "борт 19 · востаннє о 14:26:55 (5 хв тому)"
    assert never.detail == "Парк імені Федора Мершавцева · ще не виходив на зв’язок"
    assert missing.detail == "борт 21 · 3 записи · з 14:31:47 (20 с тому)"
    assert refused.headline == "Відхилено 12 конвертів: хибний підпис"
    assert refused.detail == "wrong_mac · останній о 14:31:58 (5 с тому)"
    assert refused.advice.startswith("Ключ вузла не збігається")


def test_one_cause_names_its_first_victims() -> None:
    (line,) = alarm_lines((PLACE,), EN, START_S)
    assert line.headline == "vehicle 17: all nodes are gone at once"
    assert line.detail == (
        "6 nodes affected · Валідатор 1, Валідатор 2, Валідатор 3, Валідатор 4 and 2 more · since 14:31:07 (1 min ago)"
    )


def test_who_has_it_is_said() -> None:
    taken = replace(PLACE, acknowledged_by="olia", assignee="ivan", comment="On my way", snoozed_until_s=START_S + 900)
    (line,) = alarm_lines((taken,), EN, START_S)
    assert line.state == "snoozed"
    assert line.in_hand == "ivan has it · seen by olia · asleep until 14:47:07 · “On my way”"


def test_codes_have_words_and_what_a_node_wrote_stays_as_it_is() -> None:
    air = replace(PLACE, kind="air", place="", victims=(), amount=0, detail="no2 range, pm2_5 noise")
    reader = replace(air, kind="peripheral", detail="reader: silent, range")
    details = [
        line.detail.split(" · ")[1]
        for line in alarm_lines((replace(air, place="P"), replace(reader, place="P")), EN, START_S)
    ]
    assert details == ["NO₂ out of range, PM2.5 noisy", "reader: silent, range"]


def test_a_reason_nobody_foresaw_is_told_by_its_code() -> None:
    gremlins = Alarm(1, "refused", "gremlins", "warn", 30, START_S, START_S, name="gremlins", amount=3)
    (line,) = alarm_lines((gremlins,), EN, START_S)
    assert line.headline == "3 envelopes refused: another reason"
    assert line.detail.startswith("gremlins")


@pytest.mark.parametrize(
    ("proof", "told"),
    [
        (Proof("boot", START_S, "a1", 118, 0xBEEF), "start of the node: record 118, 14:32:07, CRC-32 0000beef"),
        (
            Proof("shown_on_glass", START_S, "d1", 9, 1, "00001234"),
            "on the glass: record 9, 14:32:07, CRC-32 00000001 · CRC-32 of the picture 00001234",
        ),
        (
            Proof("ledger", START_S, "a1", text="3 = 3 + 0 + 0"),
            "The ledger reconciles: numbers = stored + missing + lost, 3 = 3 + 0 + 0",
        ),
        (Proof("measure", START_S), "seen at 14:32:07: it is over"),
        (Proof("statement", START_S, text="Replaced"), "“Replaced”"),
        (Proof("commissioning", START_S, "a1", text="order 12"), "commissioning record · order 12 · 14:32:07"),
    ],
)
def test_the_end_is_told_with_what_shows_it(proof: Proof, told: str) -> None:
    ended = replace(PLACE, end="closed", ended_by="olia", ended_s=START_S, proof=proof)
    (line,) = done_lines((ended,), EN, START_S)
    assert (line.ended, line.proof) == ("closed by olia at 14:32:07", told)


def test_the_steps_are_told_in_order() -> None:
    notes = [
        Note(1, START_S - 60, "opened"),
        Note(1, START_S - 30, "snoozed", "olia", str(START_S + 900)),
        Note(1, START_S, "assigned", "olia", "ivan"),
    ]
    assert step_words(notes, EN, START_S) == (
        "14:31:07 · opened",
        "14:31:37 · snoozed until · olia · 14:47:07",
        "14:32:07 · given · olia · ivan",
    )


def test_tomorrow_begins_at_seven_also_when_the_clocks_were_changed() -> None:
    assert EN.moment(EN.next_morning_s(START_S), START_S) == "Sunday, 22 November, 07:00:00"
    before_winter_time = 1_792_838_400.0  # Saturday, 24 October 2026, 17:00 in Kyiv
    assert EN.moment(EN.next_morning_s(before_winter_time), START_S) == "Sunday, 25 October, 07:00:00"
