"""Who can read the page: by keyboard, by ear, on a phone, in a dark room, with two thousand nodes.

Never looks at server objects; only at what stands on the screen.
Specification: controller/web/README.md; axe-core, WCAG 2.2, 1.4.10 (reflow), 2.1.1 (keyboard), 2.1.4 (single keys).
"""

import asyncio
from dataclasses import replace

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from controller.services.alarms_life import Alarm
from controller.services.live import Snapshot
from controller.web.desk import Desk
from controller.web.tests.conftest import Open, Serve
from controller.web.tests.tour import every_page
from controller.web.tests.town import START_S, HandMadeLive, ledger, town, troubled

PATIENCE = 100
# CSS pixels that do not fit into the window, or into a table
EXCESS = """(width) => Math.max(
    document.documentElement.scrollWidth - width,
    ...[...document.querySelectorAll(".paged-table")].map((table) => table.scrollWidth - table.clientWidth),
)"""
SIZES = ((390, 844), (768, 1024), (1024, 768), (1280, 800), (1400, 900), (1440, 900), (1920, 1080))


def big_town(count: int) -> Snapshot:
    """So many nodes, every ninety-seventh of them silent."""
    well = town()
    nodes = tuple(
        replace(well.nodes[n % 14], node=f"{n:016x}", name=f"Вузол {n}", online=n % 97 != 0) for n in range(count)
    )
    return replace(well, nodes=nodes, ledger=ledger(nodes))


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing_serious_on_any_page(serve: Serve, visit: Open, desk: Desk, theme: str) -> None:
    axe = Axe()
    async with serve(HandMadeLive(troubled()), desk) as address, visit(address, "/login", theme=theme) as seen:
        found = {"login": await axe.run(seen.page)}
        async for key in every_page(seen.page, address, "uk" if theme == "dark" else "en"):
            found[key] = await axe.run(seen.page)
        await seen.page.keyboard.press("?")
        found["help"] = await axe.run(seen.page)
    grave = [
        (key, violation["id"], [node["html"][:160] for node in violation["nodes"]])
        for key, results in found.items()
        for violation in results.response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert grave == []


async def test_a_keyboard_sorts_the_table_and_reaches_the_vehicles(serve: Serve, visit: Open) -> None:
    live = HandMadeLive(town())
    async with serve(live) as address, visit(address, "/fleet?lang=en") as seen:
        heading = seen.page.locator(".nodes th.cell-records")
        await heading.get_by_role("button").focus()
        await seen.page.keyboard.press("Enter")
        await expect(heading).to_have_attribute("aria-sort", "ascending")
        await expect(seen.page.locator(".nodes tbody tr").first.locator(".cell-records")).to_have_text("90")
        await seen.page.keyboard.press("Space")
        await expect(heading).to_have_attribute("aria-sort", "descending")
        await expect(seen.page.locator(".nodes tbody tr").first.locator(".cell-records")).to_have_text("617")
        live.tell(town(START_S + 5))
        await expect(seen.page.locator(".clock-time")).to_have_text("14:32:12")
        await expect(heading.get_by_role("button")).to_be_focused()  # a moment that passes takes nothing from a hand
        await seen.page.goto(f"{address}/map")
        await seen.page.get_by_role("button", name="Vehicle 18.").focus()
        await expect(seen.page.locator(".mark-tip")).to_contain_text("vehicle 18 · 25 km/h")


async def test_of_two_thousand_nodes_a_reader_gets_one_page_and_finds_any(serve: Serve, visit: Open) -> None:
    silent = tuple(
        Alarm(n, "offline", f"{n:016x}", "bad", 70, START_S, START_S, f"{n:016x}", f"Вузол {n}") for n in range(1, 22)
    )
    live = HandMadeLive(replace(big_town(2000), alarms=silent))
    async with serve(live) as address, visit(address, "/fleet?lang=en") as seen:
        nodes = seen.page.locator(".nodes")
        await expect(nodes.locator("tbody tr")).to_have_count(25)
        await expect(nodes.locator(".pager")).to_contain_text("1–25 of 2,000")
        await nodes.get_by_role("button", name="Next page").click()
        await expect(nodes.locator(".pager")).to_contain_text("26–50 of 2,000")
        await nodes.get_by_role("searchbox").fill("вузол 1234")
        await expect(nodes.locator("tbody tr")).to_have_count(1)
        await expect(nodes.locator("tbody")).to_contain_text("00000000000004d2")
        await nodes.get_by_role("searchbox").fill("nowhere")
        await expect(nodes).to_contain_text("Nothing found")
        await nodes.get_by_role("searchbox").fill("")
        await nodes.get_by_role("button", name="Offline").click()
        await expect(nodes.locator("tbody tr")).to_have_count(21)
        await expect(seen.page).to_have_url(f"{address}/fleet?state=offline")
        await seen.page.goto(address)
        await expect(seen.page.locator(".alert")).to_have_count(12)
        await seen.page.locator(".attention").get_by_role("button", name="Next page").click()
        await expect(seen.page.locator(".alert")).to_have_count(9)


@pytest.mark.parametrize("language", ["uk", "en"])
async def test_the_page_never_scrolls_sideways(serve: Serve, visit: Open, desk: Desk, language: str) -> None:
    async with serve(HandMadeLive(troubled()), desk) as address, visit(address) as seen:
        async for key in every_page(seen.page, address, language):
            for width, height in SIZES:
                await seen.page.set_viewport_size({"width": width, "height": height})
                for _ in range(PATIENCE):  # a chart is drawn anew some time after the window has changed
                    if (excess := await seen.page.evaluate(EXCESS, width)) <= 0:
                        break
                    await asyncio.sleep(0.1)
                assert excess <= 0, (key, width)
