"""What breaks besides the power: a hung task, missing settings, a damaged file system, a full journal."""

import json
from textwrap import dedent

import pytest

from emulation.journal_image import full_journal
from hil_tests.records import of_kind
from hil_tests.target import Desk
from protocols.wire import journal_format
from protocols.wire.messages import boot, cash, event, tap

PATIENCE_S = 30.0

HANGS = """
import asyncio, time
from firmware import main

async def hangs(_node, _beat):
    await asyncio.sleep_ms(1500)
    print("it hangs")
    while True:
        time.sleep_ms(100)

def kind_module(kind, whole=main.kind_module):
    module = whole(kind)
    module.FareValidator.count_cash = hangs
    return module

main.kind_module = kind_module
asyncio.run(main.main())
"""


@pytest.mark.needs("program", "console", "watchdog", "settings")
def test_a_task_that_hangs_is_ended_by_the_watchdog_and_the_node_serves_again(desk: Desk) -> None:
    node = desk.node(program=dedent(HANGS))
    node.wait_console("it hangs", PATIENCE_S)
    before = node.console.count(" boot ")
    node.wait_until(lambda: node.console.count(" boot ") > before, PATIENCE_S, "another boot")
    if desk.target.has("journal"):
        assert node.watchdog_bites == 1
        causes = [boot.parse(one.body).reset_cause for one in of_kind(node, boot.KIND)]
        assert causes == [boot.RESET_CAUSE_POWER_ON, boot.RESET_CAUSE_WATCHDOG]


@pytest.mark.needs("console", "settings")
def test_a_node_without_settings_says_what_to_do(desk: Desk) -> None:
    node = desk.node(settings=b"")
    node.wait_console("settings.json is missing: write the settings of this node", PATIENCE_S)


@pytest.mark.needs("console", "settings", "light", "power_cut")
def test_a_node_without_settings_blinks_until_it_is_given_some(desk: Desk) -> None:
    node = desk.node(settings=b"")
    node.wait_console("no settings:", PATIENCE_S)
    node.wait_until(lambda: node.light() == "white", PATIENCE_S, "a white light")
    node.wait_until(lambda: node.light() == "off", PATIENCE_S, "a dark light")
    node.cut_power()
    desk.provision(node, desk.settings("fare_validator"))
    node.start()
    node.wait_light("blue", PATIENCE_S)


@pytest.mark.needs("damage", "console", "light")
def test_a_damaged_file_system_is_made_anew_and_the_journal_is_not_touched(desk: Desk) -> None:
    node = desk.validator()
    node.press()
    node.wait_light("green", PATIENCE_S)
    node.cut_power()
    journal = node.flash_image()
    desk.damage_file_system(node)
    node.start()
    node.wait_console("settings.json is missing", PATIENCE_S)
    assert node.flash_image() == journal
    node.cut_power()
    desk.provision(node, desk.settings("fare_validator", door=2))
    node.start()
    node.wait_light("blue", PATIENCE_S)
    assert [boot.parse(one.body).boot_id for one in of_kind(node, boot.KIND)] == [1, 2]


@pytest.mark.needs("cards", "light", "journal", "power_cut")
def test_a_full_journal_refuses_riders_visibly_instead_of_forgetting_one(desk: Desk) -> None:
    node = desk.node()
    node.cut_power()
    size = len(node.flash_image())
    node.burn_journal(
        full_journal(size // journal_format.SECTOR_SIZE, cash.KIND, cash.build(cash.Cash(1, 0, 1, 17, 0)))
    )
    node.start()
    node.wait_light("amber", PATIENCE_S)
    node.present("classic")
    node.pass_time(1.5)
    assert node.light() == "amber"
    assert node.beeps == []
    assert of_kind(node, tap.KIND) == []
    codes = {event.parse(one.body).code for one in of_kind(node, event.KIND)}
    assert {event.CODE_OUT_OF_SERVICE, event.CODE_JOURNAL_NEARLY_FULL} <= codes


@pytest.mark.needs("console", "settings")
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (b"not JSON", "is not JSON"),
        (json.dumps({"version": 1, "kind": "toaster"}).encode(), "kind must be one that this firmware has"),
    ],
)
def test_settings_that_cannot_be_used_are_told_in_one_sentence(desk: Desk, wrong: bytes, sentence: str) -> None:
    node = desk.node(settings=wrong)
    node.wait_console(sentence, PATIENCE_S)
    assert "Traceback" not in node.console
