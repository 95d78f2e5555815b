"""What counts as wrong, and what the ledger's verdict is: facts in, findings and sentences out.

Never opens a browser.
Specification: controller/web/README.md, "What counts as wrong".
"""

from dataclasses import replace
from zoneinfo import ZoneInfo

from controller.services.live import LedgerRow, Snapshot
from controller.web.alerts import alerts
from controller.web.findings import REFUSAL_NEWS_S, Finding, Watch
from controller.web.language import read_catalogues
from controller.web.reconciliation import judge, row_state
from controller.web.scene import ledger_words
from controller.web.tests.town import START_S, ledger, town
from controller.web.wording import Words

EN = Words(read_catalogues()["en"], ZoneInfo("Europe/Kyiv"))


def refusing(time_s: float, **rejected: int) -> Snapshot:
    well = town(time_s)
    return replace(well, counters=replace(well.counters, rejected=rejected))


def with_row(time_s: float, **changes: int) -> Snapshot:
    well = town(time_s)
    return replace(well, ledger=(replace(well.ledger[0], **changes), *well.ledger[1:]))  # type: ignore[arg-type]


def kinds(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.kind for finding in findings]


def test_a_sound_town_has_no_findings() -> None:
    assert Watch().observe(town()) == ()


def test_a_silent_node_is_wrong_at_once_since_it_was_last_heard() -> None:
    well = town()
    silent = replace(well.nodes[0], online=False, last_seen_s=START_S - 200)
    (finding,) = Watch().observe(replace(well, nodes=(silent, *well.nodes[1:])))
    assert (finding.kind, finding.severity, finding.since_s) == ("offline", "bad", START_S - 200)


def test_a_record_in_flight_is_no_news_but_one_that_stays_away_is() -> None:
    watch = Watch()
    assert watch.observe(with_row(START_S, stored=399, missing=1)) == ()
    assert watch.observe(town(START_S + 5)) == ()  # it came
    assert watch.observe(with_row(START_S + 6, stored=399, missing=1)) == ()
    (finding,) = watch.observe(with_row(START_S + 17, stored=399, missing=1))
    assert (finding.kind, finding.amount, finding.since_s) == ("missing", 1, START_S + 6)


def test_columns_that_do_not_add_up_are_the_gravest_after_silence() -> None:
    watch = Watch()
    watch.observe(with_row(START_S, stored=401))
    both = with_row(START_S + 10, stored=401, conflicting=2)
    silent = replace(both.nodes[3], online=False)
    found = watch.observe(replace(both, nodes=(*both.nodes[:3], silent, *both.nodes[4:])))
    assert kinds(found) == ["offline", "unbalanced", "conflicting"]
    assert found[1].amount == -1


def test_a_refusal_is_news_for_a_quarter_of_an_hour_after_the_last_one() -> None:
    watch = Watch()
    assert kinds(watch.observe(refusing(START_S, wrong_mac=1))) == ["refused"]
    assert kinds(watch.observe(refusing(START_S + REFUSAL_NEWS_S, wrong_mac=1))) == ["refused"]
    assert watch.observe(refusing(START_S + REFUSAL_NEWS_S + 1, wrong_mac=1)) == ()
    (finding,) = watch.observe(refusing(START_S + 2000, wrong_mac=2))
    assert (finding.amount, finding.since_s) == (2, START_S + 2000)


def test_a_picture_that_contradicts_its_record_is_wrong_only_if_it_lasts_and_the_display_is_there() -> None:
    def contradicting(time_s: float, *, online: bool = True) -> Snapshot:
        well = town(time_s)
        other = replace(well.displays[0], picture_crc=1)
        node = replace(well.nodes[8], online=online)
        return replace(well, displays=(other, *well.displays[1:]), nodes=(*well.nodes[:8], node, *well.nodes[9:]))

    watch = Watch()
    assert watch.observe(contradicting(START_S)) == ()
    assert kinds(watch.observe(contradicting(START_S + 90))) == ["glass"]
    assert kinds(watch.observe(contradicting(START_S + 91, online=False))) == ["offline"]


def test_a_display_in_fault_or_without_data_is_named() -> None:
    well = town()
    fault, no_data = (replace(well.displays[n], mode=mode) for n, mode in ((0, "fault"), (1, "no_data")))
    found = Watch().observe(replace(well, displays=(fault, no_data, *well.displays[2:])))
    assert kinds(found) == ["fault", "no_data"]


def test_many_of_one_kind_are_told_as_one() -> None:
    silent = [Finding("offline", str(n), f"Вузол {n}", since_s=START_S) for n in range(6)]
    (alert,) = alerts(silent, EN, START_S)
    assert alert.headline == "6 nodes are offline"
    assert alert.detail == "Вузол 0, Вузол 1, Вузол 2, Вузол 3 and 2 more"
    assert len(alerts(silent[:3], EN, START_S)) == 3


def test_a_reason_nobody_foresaw_is_told_by_its_code() -> None:
    (alert,) = alerts(Watch().observe(refusing(START_S, gremlins=3)), EN, START_S)
    assert alert.headline == "3 envelopes refused: another reason"
    assert "gremlins" in alert.detail


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
