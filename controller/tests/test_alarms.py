"""Alarms: what opens one, what it explains, what ends it and what proves that; minutes on a virtual clock.

Never waits for a second: the clock is the test's, each look at the town is called for.
Specification: README.md beside the controller's code, "Alarms"; controller/alarm_rules.toml.
"""

import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controller.services.alarms import AlarmRefused
from controller.services.alarms_life import Proof
from controller.services.alarms_watch import BusState
from controller.services.fleet import SILENT_S
from controller.services.live import DeviceView
from controller.tests.alarm_town import BUS, ENTRIES, HOUSE, LONELY, POST, SIGN, Watched, watching
from controller.tests.peer import START_MS, Peer
from controller.tests.playbook import playing
from protocols.wire.messages import shown_on_glass
from protocols.wire.topics import node_name


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watching(tmp_path) as watched:
        yield watched


async def test_a_healthy_town_has_no_alarm(town: Watched) -> None:
    await town.seconds(300)
    assert town.alarms.open() == ()
    assert town.book.metrics.registry.get_sample_value("vuzol_alarms_open", {"severity": "bad"}) == 0


async def test_a_node_cut_from_power_is_an_alarm_within_seconds_and_its_next_boot_proves_that_it_is_back(
    town: Watched,
) -> None:
    town.lose(0xA4)
    await town.seconds(6)
    alarm = town.only()
    assert (alarm.kind, alarm.severity, alarm.name, alarm.place) == ("offline", "bad", LONELY.name, "18")
    assert town.book.metrics.registry.get_sample_value("vuzol_alarms_open", {"severity": "bad"}) == 1
    await town.seconds(120)
    await town.come_back(0xA4)
    await town.seconds(7)
    assert town.alarms.open() == ()
    ended, notes = town.alarms.one(alarm.id)
    lonely = town.peer(0xA4)
    assert ended.proof is not None
    assert (ended.end, ended.proof.what, ended.proof.seq) == ("cleared", "boot", max(lonely.journal))
    assert ended.proof.crc32 == zlib.crc32(lonely.journal[ended.proof.seq])
    assert [note.what for note in notes] == ["opened", "cleared"]


async def test_a_node_that_comes_and_goes_is_one_alarm_and_one_that_blinks_is_none(town: Watched) -> None:
    for _ in range(10):  # gone for three seconds of every six
        town.lose(0xA4)
        await town.seconds(3)
        await town.come_back(0xA4)
        await town.seconds(3)
    assert (town.alarms.open(), town.alarms.history()) == ((), [])
    for _ in range(10):  # gone for eight, there for three
        town.lose(0xA4)
        await town.seconds(8)
        await town.come_back(0xA4)
        await town.seconds(3)
    assert town.only().id == 1
    await town.seconds(5)
    assert [alarm.id for alarm in town.alarms.history()] == [1]


async def test_a_silent_node_is_an_alarm_also_without_a_word_from_its_broker(town: Watched) -> None:
    town.silent.add(LONELY.node)
    await town.seconds(int(SILENT_S) - 10)
    assert town.alarms.open() == ()
    await town.seconds(80)
    assert town.kinds == ["offline"]


async def test_a_vehicle_without_power_is_one_alarm_that_names_its_nodes(town: Watched) -> None:
    town.lose(0xA1)
    await town.seconds(7)
    assert town.kinds == ["offline"]
    town.lose(0xA2, 0xA3)
    await town.seconds(7)
    alarm = town.only()
    assert (alarm.kind, alarm.place or alarm.name, alarm.amount) == ("place", "17", 3)
    assert alarm.victims == tuple(entry.name for entry in BUS)
    explained = town.last()
    assert (explained.kind, explained.end) == ("offline", "explained")
    assert explained.proof is not None
    assert explained.proof.text == str(alarm.id)
    await town.come_back(0xA1, 0xA2)  # the third stays away: now it is an alarm of its own
    await town.seconds(50)
    assert town.kinds == ["place"]  # it still may come
    assert town.only().amount == 1
    await town.seconds(30)
    assert town.kinds == ["offline"]
    assert town.only().name == BUS[2].name


async def test_what_somebody_has_in_hand_is_not_taken_away_by_a_greater_cause(town: Watched) -> None:
    town.lose(0xA1)
    await town.seconds(7)
    await town.alarms.handle("Оля", town.only().id, "assign", "Оля")
    town.lose(0xA2, 0xA3)
    await town.seconds(7)
    assert town.kinds == ["place", "offline"]


async def test_without_a_broker_there_is_one_alarm_and_its_victims_have_time_to_come_back(town: Watched) -> None:
    linked = False
    town.alarms.sources.is_linked = lambda: linked
    await town.seconds(5)
    assert town.kinds == ["broker"]
    town.lose(0xA1, 0xA2, 0xA3, 0xA4, 0xD1)
    await town.seconds(30)
    assert (town.kinds, town.only().amount) == (["broker"], 5)
    linked = True
    await town.seconds(30)
    assert town.kinds == ["broker"]  # nobody is back yet
    await town.come_back(0xA1, 0xA2, 0xA3, 0xA4, 0xD1)
    await town.seconds(7)
    assert town.alarms.open() == ()
    assert len(town.last().victims) == 5


async def test_nodes_that_are_all_silent_do_not_make_a_broker_that_is_there_a_lost_one(town: Watched) -> None:
    town.lose(0xA1, 0xA2, 0xA3, 0xA4, 0xC1, 0xD1, 0xE1)
    await town.seconds(30)
    assert town.kinds == ["place", "offline", "offline", "offline", "offline"]


async def test_a_bus_that_nobody_answers_on_explains_its_nodes_and_devices(town: Watched) -> None:
    members = frozenset({node_name(HOUSE.node), "Щит 1"})
    heard = True
    town.alarms.sources.buses = lambda: (BusState("cellar", heard, members),)
    town.alarms.sources.devices = lambda: (DeviceView("Щит 1", "panel", "cellar", 9, heard, (), ()),)
    await town.seconds(20)
    assert town.alarms.open() == ()
    heard = False
    town.lose(0xC1)
    await town.seconds(30)
    alarm = town.only()
    assert (alarm.kind, alarm.name, set(alarm.victims)) == ("bus", "cellar", {HOUSE.name, "Щит 1"})


async def test_a_device_that_is_silent_and_an_alarm_input_are_alarms(town: Watched) -> None:
    pump = DeviceView("Насос", "pump", "cellar", 3, True, ("flood",), ())
    town.alarms.sources.devices = lambda: (pump, DeviceView("Щит 1", "panel", "cellar", 9, False, (), ()))
    await town.seconds(17)
    assert [(alarm.kind, alarm.detail) for alarm in town.alarms.open()] == [
        ("device_alarm", "flood"),
        ("device_silent", ""),
    ]


async def test_a_number_that_is_owed_is_an_alarm_only_when_it_stays_away_and_the_ledger_proves_that_it_came(
    town: Watched,
) -> None:
    lonely = town.peer(0xA4)
    late = lonely.tap()
    await town.send(lonely, lonely.tap())
    await town.seconds(8)
    assert town.alarms.open() == ()  # in flight
    await town.seconds(5)
    assert (town.only().kind, town.only().amount) == ("missing", 1)
    await town.send(lonely, late)
    await town.seconds(4)
    proof = town.last().proof
    assert proof is not None
    assert (proof.what, proof.text) == ("ledger", "3 = 3 + 0 + 0")


async def test_what_an_absent_node_owes_is_explained_by_its_absence(town: Watched) -> None:
    lonely = town.peer(0xA4)
    lonely.tap()
    await town.send(lonely, lonely.tap())
    town.lose(0xA4)
    await town.seconds(60)
    assert town.kinds == ["offline"]


async def test_records_that_differ_are_an_alarm_until_a_person_says_what_was_done_and_again_when_there_are_more(
    town: Watched,
) -> None:
    lonely, other = town.peer(0xA4), Peer(LONELY)
    other.cash()
    await town.send(lonely, lonely.tap())
    await town.book.send(other, other.batch(1, 1))
    await town.seconds(2)
    alarm = town.only()
    assert (alarm.kind, alarm.amount, town.alarms.may_state(alarm)) == ("conflicting", 1, True)
    with pytest.raises(AlarmRefused, match="no record shows"):
        await town.alarms.handle("Оля", alarm.id, "close")
    closed = await town.alarms.handle("Оля", alarm.id, "close", "Замінено вузол, журнал збережено")
    assert (closed.end, closed.ended_by) == ("closed", "Оля")
    await town.seconds(5)
    assert town.alarms.open() == ()
    other.position(47.9, 33.4)
    await town.book.send(other, other.batch(2, 2))
    await town.seconds(2)
    assert (town.only().kind, town.only().amount) == ("conflicting", 2)


async def test_a_refusal_is_news_for_a_quarter_of_an_hour_after_the_last_one(town: Watched) -> None:
    town.book.metrics.rejected("wrong_mac")
    await town.seconds(1)
    assert (town.only().kind, town.only().subject, town.only().amount) == ("refused", "wrong_mac", 1)
    await town.seconds(800)
    town.book.metrics.rejected("wrong_mac")
    await town.seconds(800)
    assert town.only().amount == 2
    await town.seconds(110)
    assert town.alarms.open() == ()


async def test_a_commit_that_fails_is_an_alarm_and_alarms_wait_for_the_database(town: Watched) -> None:
    rename = "ALTER TABLE {} RENAME TO {}"
    for table in ("record", "alarm"):
        await town.book.writer.run(town.book.store._writer.execute, rename.format(table, f"{table}_away"))
    lonely = town.peer(0xA4)
    await town.send(lonely, lonely.tap())
    await town.seconds(2)
    assert town.kinds == ["storing"]
    for table in ("record", "alarm"):
        await town.book.writer.run(town.book.store._writer.execute, rename.format(f"{table}_away", table))
    await town.seconds(1)
    assert town.alarms.one(town.only().id)[1][0].what == "opened"


async def test_a_full_disk_is_over_only_when_there_is_twice_the_room(
    town: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    free_mb = 100
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free_mb << 20}))
    await town.seconds(45)
    assert (town.only().kind, town.only().amount) == ("disk", 100)
    free_mb = 300
    await town.seconds(120)
    assert town.kinds == ["disk"]
    free_mb = 500
    await town.seconds(120)
    assert town.alarms.open() == ()


async def test_a_certificate_that_ends_in_three_weeks_is_told(town: Watched) -> None:
    town.alarms.sources.certificates = lambda: (
        ("web", START_MS / 1000 + 10 * 86_400),
        ("broker", START_MS / 1000 + 90 * 86_400),
    )
    await town.seconds(30)
    assert (town.only().kind, town.only().subject, town.only().amount) == ("certificate", "web", 9)


# --- what people do


async def test_an_alarm_is_acknowledged_given_to_somebody_and_commented_and_each_step_is_kept(town: Watched) -> None:
    town.alarms.people = lambda: ("Оля", "Іван")
    town.lose(0xA4)
    await town.seconds(7)
    number = town.only().id
    await town.alarms.handle("Оля", number, "acknowledge")
    with pytest.raises(AlarmRefused, match="whom the controller knows"):
        await town.alarms.handle("Оля", number, "assign", "Петро")
    await town.alarms.handle("Оля", number, "assign", "Іван")
    await town.alarms.handle("Іван", number, "comment", " Їду на місце ")
    alarm = town.only()
    assert (alarm.state, alarm.acknowledged_by, alarm.assignee, alarm.comment) == (
        "acknowledged", "Оля", "Іван", "Їду на місце",
    )  # fmt: skip
    assert [(note.what, note.who, note.text) for note in town.alarms.one(number)[1]] == [
        ("opened", "", ""),
        ("acknowledged", "Оля", ""),
        ("assigned", "Оля", "Іван"),
        ("commented", "Іван", "Їду на місце"),
    ]


async def test_a_snoozed_alarm_lies_behind_the_others_and_wakes_by_itself(town: Watched) -> None:
    town.lose(0xA4)
    town.book.metrics.rejected("wrong_mac")
    await town.seconds(7)
    assert town.kinds == ["offline", "refused"]
    now_s = town.book.clock() / 1000
    with pytest.raises(AlarmRefused, match="within the next 31 days"):
        await town.alarms.handle("Оля", 1, "snooze", until_s=now_s - 1)
    offline = town.alarms.open()[0]
    await town.alarms.handle("Оля", offline.id, "snooze", until_s=now_s + 60)
    assert town.kinds == ["refused", "offline"]
    await town.seconds(58)
    assert town.alarms.open()[1].state == "snoozed"
    await town.seconds(3)
    assert town.kinds == ["offline", "refused"]
    assert [note.what for note in town.alarms.one(offline.id)[1]] == ["opened", "snoozed", "woke"]


async def test_a_person_closes_with_a_record_that_came_since_and_never_while_it_still_is_so(town: Watched) -> None:
    town.lose(0xA4)
    await town.seconds(7)
    alarm = town.only()
    with pytest.raises(AlarmRefused, match="no record shows"):
        await town.alarms.handle("Оля", alarm.id, "close", "готово")
    await town.come_back(0xA4)
    await town.seconds(1)
    (proof, *_) = town.alarms.proofs_of(alarm.id)
    closed = await town.alarms.handle("Оля", alarm.id, "close", seq=proof.seq)
    assert closed.proof == proof
    assert (proof.what, closed.end) == ("boot", "closed")
    await town.seconds(60)
    assert town.alarms.open() == ()
    with pytest.raises(AlarmRefused, match="no such open alarm"):
        await town.alarms.handle("Оля", alarm.id, "comment", "ще")


def _shown(sign: Peer, mode: int) -> int:
    glass = shown_on_glass.ShownOnGlass(0, mode, 0, 7, 16, 8, 8)
    return sign.write(shown_on_glass.KIND, shown_on_glass.build(glass))


async def test_after_a_restart_alarms_are_as_they_were_and_nobody_is_gone_before_he_could_come_back(
    tmp_path: Path,
) -> None:
    async with playing(tmp_path, ENTRIES, jobs=False) as book:
        town = Watched(book)
        await town.all_come()
        town.lose(0xA1, 0xA2, 0xA3, 0xA4)
        sign = town.peer(0xD1)
        await town.send(sign, _shown(sign, shown_on_glass.MODE_FAULT))
        await town.seconds(10)
        assert town.kinds == ["place", "offline", "fault"]
        await town.alarms.handle("Оля", town.alarms.open()[1].id, "acknowledge")
        before, peers, clock = town.alarms.open(), town.peers, book.clock
    async with playing(tmp_path, ENTRIES, jobs=False, clock=clock) as book:
        town = Watched(book, peers)
        town.silent = {entry.node for entry in ENTRIES}
        assert town.alarms.open() == before
        await town.seconds(30)
        assert town.alarms.open() == before  # nothing was heard yet, of anybody
        for entry in (*BUS, SIGN, HOUSE, POST):
            await town.come_back(entry.node[-1])
        sign = town.peer(0xD1)
        await town.send(sign, _shown(sign, shown_on_glass.MODE_BLANK))
        await town.seconds(40)
        assert town.kinds == ["offline"]  # that one never came
        assert town.only().acknowledged_by == "Оля"
        assert {alarm.kind for alarm in town.alarms.history()} == {"place", "fault"}
        await town.come_back(0xA4)
        await town.seconds(7)
        assert town.alarms.open() == ()


async def test_the_history_is_found_by_kind_node_person_and_time(town: Watched) -> None:
    began_s = town.book.clock() / 1000
    for number, who in ((0xA4, "Оля"), (0xD1, "Іван")):
        town.lose(number)
        await town.seconds(7)
        await town.alarms.handle(who, town.only().id, "acknowledge")
        await town.come_back(number)
        await town.seconds(7)

    def found(**filters: Any) -> list[int]:
        return [one.id for one in town.alarms.history(**filters)]

    assert found() == [2, 1]
    assert found(kind="offline", node=node_name(SIGN.node)) == [2]
    assert found(who="Оля") == [1]
    assert found(from_s=began_s + 10) == [2]
    assert found(to_s=began_s + 10) == [1]
    assert found(before=2) == [1]
    assert found(limit=1) == [2]
    assert found(end="closed") == []


async def test_the_page_and_the_api_see_alarms_in_the_snapshot(town: Watched) -> None:
    town.book.metrics.rejected("wrong_mac")
    await town.seconds(1)
    town.book.town.live.changed()
    assert town.book.town.live.snapshot().alarms == town.alarms.open() != ()


async def test_a_commissioning_closes_an_alarm_and_if_the_node_stays_away_it_is_an_alarm_again(town: Watched) -> None:
    done = Proof("commissioning", town.book.clock() / 1000 + 60, node_name(LONELY.node), text="a0b1")
    town.alarms.proofs.elsewhere = lambda node, since_s: [done] if since_s <= done.at_s else []
    town.lose(0xA4)
    await town.seconds(7)
    closed = await town.alarms.handle("Оля", town.only().id, "close", seq=0)
    assert (closed.end, closed.proof) == ("closed", done)
    await town.seconds(7)
    assert (town.only().kind, town.only().id) == ("offline", closed.id + 1)
