"""The ledger's verdict: rows in, a state and a plain sentence out.

Never opens a browser.
Specification: controller/web/reconciliation.py.
"""

from dataclasses import replace
from zoneinfo import ZoneInfo

from controller.services.live import LedgerRow
from controller.web.language import read_catalogues
from controller.web.reconciliation import judge, row_state
from controller.web.scene import ledger_words
from controller.web.tests.town import ledger, town
from controller.web.wording import Words

EN = Words(read_catalogues()["en"], ZoneInfo("Europe/Kyiv"))


def test_a_row_is_sound_when_every_number_is_stored_or_declared_lost() -> None:
    sound = LedgerRow("a", "fare_validator", "A", 97, 100, 0, 3, 5)
    assert (sound.difference, row_state(sound)) == (0, "sound")
    assert row_state(replace(sound, stored=96, missing=1)) == "owing"
    assert row_state(replace(sound, conflicting=1)) == "conflicting"
    assert row_state(replace(sound, stored=98)) == "unbalanced"


def test_the_verdict_agrees_with_the_rows_own() -> None:
    rows = ledger(town().nodes)
    assert judge(rows).reconciles
    assert all(row.reconciles for row in rows)
    for broken in (replace(rows[0], missing=1, stored=rows[0].stored - 1), replace(rows[0], conflicting=1)):
        assert not judge((broken, *rows[1:])).reconciles
        assert [row.reconciles for row in (broken, *rows[1:])] == [False] + [True] * 13


def test_the_verdict_is_a_plain_sentence() -> None:
    rows = ledger(town().nodes)
    assert ledger_words(judge(()), EN)[0] == "empty"
    assert ledger_words(judge(rows), EN) == (
        "sound",
        "The ledger reconciles",
        "4,623 records stored, each exactly once; none lost.",
    )
    declared = (replace(rows[0], declared_gaps=2, stored=rows[0].stored - 2), *rows[1:])
    assert ledger_words(judge(declared), EN)[2] == (
        "4,621 records stored, each exactly once; none lost. 2 numbers were declared lost by their nodes."
    )
    conflicting = (replace(rows[0], conflicting=1), *rows[1:])
    assert ledger_words(judge(conflicting), EN) == (
        "unbalanced",
        "The ledger does not reconcile",
        "1 record came again with other content.",
    )
    owing = (replace(rows[0], missing=2, stored=rows[0].stored - 2), replace(rows[1], stored=1), *rows[2:])
    assert ledger_words(judge(owing), EN) == (
        "unbalanced",
        "The ledger does not reconcile",
        "2 records still to come from 1 node. The numbers of 1 node do not add up.",
    )
