"""What a dispatcher does about alarms, in a real browser over a real town: see, take, snooze, close with proof.

Never looks at server objects but to say what happens in the field.
Specification: controller/web/README.md, "What counts as wrong".
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from controller.tests.alarm_town import BUS, LONELY, SIGN, Watched, watching
from controller.web.desk import Desk
from controller.web.tests.conftest import Open, Serve


@contextlib.asynccontextmanager
async def looking(town: Watched, serve: Serve) -> AsyncIterator[str]:
    """The console over this town."""
    async with serve(town.book.town.live, Desk(alarms=town.alarms)) as address:
        yield address


async def seconds(town: Watched, count: int) -> None:
    await town.seconds(count)
    town.book.town.live.changed()


async def test_an_alarm_is_seen_taken_snoozed_and_closed_with_the_record_that_proves_it(
    tmp_path: Path, serve: Serve, visit: Open
) -> None:
    async with watching(tmp_path) as town, looking(town, serve) as address, visit(address) as seen:
        page = seen.page
        await expect(page.locator(".calm")).to_be_visible()
        town.lose(0xA4, 0xA1, 0xA2, 0xA3)
        await seconds(town, 7)
        lines = page.locator(".alert")
        await expect(lines).to_have_count(2)
        await expect(lines.nth(0)).to_contain_text("17: all nodes are gone at once")
        await expect(lines.nth(0)).to_contain_text(f"{BUS[0].name}, {BUS[1].name}, {BUS[2].name}")
        lonely = page.locator(".alert", has_text=f"{LONELY.name} is offline")
        await lonely.get_by_role("button", name="Seen").click()
        await expect(lonely).to_contain_text("seen by demo")
        await lonely.get_by_role("button", name="I take it").click()
        await expect(lonely).to_contain_text("demo has it")

        await lonely.get_by_role("button", name="Handle…").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("No record shows yet that it is done.")
        await dialog.get_by_label("Comment").fill("On my way")
        await dialog.get_by_role("button", name="Write it down").click()
        await expect(lonely).to_contain_text("“On my way”")
        await lonely.get_by_role("button", name="Handle…").click()
        await dialog.get_by_role("button", name="15 min").click()
        await expect(lonely).to_contain_text("asleep until 11:15")
        await expect(lonely).to_have_attribute("data-state", "snoozed")

        await town.come_back(0xA4)
        await seconds(town, 1)
        await lonely.get_by_role("button", name="Handle…").click()
        await expect(dialog.locator(".steps li")).to_have_count(5)
        await dialog.get_by_role("button", name="Close with: start of the node: record 2").click()
        await expect(lonely).to_have_count(0)
        await town.come_back(0xA1, 0xA2, 0xA3)
        await seconds(town, 10)
        await expect(page.locator(".calm")).to_be_visible()
        await page.get_by_text("Ended lately").click()
        ended = page.locator(".ended-alarm")
        await expect(ended.nth(1)).to_contain_text(f"{LONELY.name} is offline")
        await expect(ended.nth(1)).to_contain_text("closed by demo")
        await expect(ended.nth(1)).to_contain_text("start of the node: record 2")
        await expect(ended.nth(0)).to_contain_text("ended by itself")


async def test_the_keyboard_alone_is_enough(tmp_path: Path, serve: Serve, visit: Open) -> None:
    async with watching(tmp_path) as town, looking(town, serve) as address, visit(address) as seen:
        page = seen.page
        town.lose(0xA4, 0xD1)
        town.book.metrics.rejected("wrong_mac")
        await seconds(town, 7)
        lines = page.locator(".alert")
        await expect(lines).to_have_count(3)
        await page.keyboard.press("ArrowDown")
        await expect(lines.nth(0)).to_be_focused()
        await page.keyboard.press("ArrowDown")
        second = page.locator(".alert", has_text=SIGN.name)
        await expect(second).to_be_focused()
        await page.keyboard.press("a")
        await expect(second).to_contain_text("seen by demo")
        await page.keyboard.press("m")
        await expect(second).to_contain_text("demo has it")
        await expect(second).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("No record can show it: write what was done").fill("The bench had the wrong key")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(lines).to_have_count(2)
        await expect(page.locator(".alert", has_text=LONELY.name)).to_contain_text("offline")
        proof = town.alarms.ended()[0].proof
        assert proof is not None
        assert (proof.what, proof.text) == ("statement", "The bench had the wrong key")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_serious_about_alarms_and_their_dialog(
    tmp_path: Path, serve: Serve, visit: Open, theme: str
) -> None:
    async with watching(tmp_path) as town, looking(town, serve) as address, visit(address, theme=theme) as seen:
        town.lose(0xA4)
        town.book.metrics.rejected("wrong_mac")
        await seconds(town, 7)
        await town.alarms.handle("demo", town.alarms.open()[0].id, "snooze", until_s=town.book.clock() / 1000 + 600)
        await seen.page.get_by_role("button", name="Handle…").nth(0).click()
        await expect(seen.page.get_by_role("dialog")).to_be_visible()
        violations = (await Axe().run(seen.page)).response["violations"]
        assert [
            (one["id"], one["nodes"][0]["html"]) for one in violations if one["impact"] in ("serious", "critical")
        ] == []


async def test_a_refusal_is_said_in_words_and_changes_nothing(tmp_path: Path, serve: Serve, visit: Open) -> None:
    async with watching(tmp_path) as town, looking(town, serve) as address, visit(address) as seen:
        town.lose(0xA4)
        await seconds(town, 7)
        await seen.page.get_by_role("button", name="Handle…").click()
        dialog = seen.page.get_by_role("dialog")
        await dialog.get_by_label("Comment").fill(" ")
        await dialog.get_by_role("button", name="Write it down").click()
        await expect(dialog.get_by_role("alert")).to_have_text("Write a text.")
        await town.come_back(0xA4)
        await seconds(town, 7)
        await dialog.get_by_role("button", name="1 h").click()
        await expect(dialog).to_contain_text("This alarm has ended already.")
        await dialog.get_by_role("button", name="Back to the list").click()
        await expect(dialog).to_be_hidden()
        await expect(seen.page.locator(".calm")).to_be_visible()


async def test_a_line_stays_its_alarms_own_when_a_graver_one_comes_above_it(
    tmp_path: Path, serve: Serve, visit: Open
) -> None:
    async with watching(tmp_path) as town, looking(town, serve) as address, visit(address) as seen:
        town.book.metrics.rejected("wrong_mac")
        await seconds(town, 1)
        first = seen.page.locator(".alert")
        await expect(first).to_have_count(1)
        await first.focus()
        town.lose(0xA4)
        await seconds(town, 7)
        await expect(seen.page.locator(".alert")).to_have_count(2)
        await expect(seen.page.locator(".alert").nth(0)).to_contain_text("offline")
        await expect(seen.page.locator(".alert").nth(1)).to_be_focused()
        await seen.page.keyboard.press("a")
        await expect(seen.page.locator(".alert").nth(1)).to_contain_text("seen by demo")
        assert [alarm.state for alarm in town.alarms.open()] == ["open", "acknowledged"]
