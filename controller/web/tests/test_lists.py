"""Lists: what a reader chose stands in the address, comes back with it, and is what the file holds; one node's page.

Never looks at server objects; only at what stands on the screen and in the files.
Specification: controller/web/README.md, "Pages".
"""

import asyncio
import csv
import io

from playwright.async_api import expect

from controller.web.desk import Desk
from controller.web.tests.conftest import Open, Serve
from controller.web.tests.test_page_server import ask
from controller.web.tests.tour import NODE
from controller.web.tests.town import HandMadeLive, town, troubled


async def rows_of(url: str) -> list[dict[str, str]]:
    status, kind, body = await asyncio.to_thread(ask, url)
    assert (status, kind) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))


async def test_an_address_brings_filter_and_order_back_and_the_file_holds_the_same(serve: Serve, visit: Open) -> None:
    async with serve(HandMadeLive(troubled())) as address:
        choices = "kind=fare_validator&q=валідатор&sort=-records"
        async with visit(address, f"/fleet?{choices}&lang=en") as seen:
            rows = seen.page.locator(".nodes tbody tr")
            await expect(rows).to_have_count(8)
            await expect(rows.first).to_contain_text("Валідатор 24")
            await expect(seen.page.get_by_label("Kind")).to_have_value("fare_validator")
            await seen.page.get_by_label("Kind").select_option("stop_display")
            await expect(seen.page.get_by_text("Nothing found")).to_be_visible()
            await seen.page.get_by_role("searchbox").fill("")
            await expect(rows).to_have_count(6)
            await expect(seen.page).to_have_url(f"{address}/fleet?kind=stop_display&sort=-records")
            await seen.page.get_by_role("link", name="Українська").click()
            await expect(rows).to_have_count(6)
        found = await rows_of(f"{address}/fleet.csv?kind=fare_validator&sort=-records&state=offline")
        assert [(row["name"], row["state"], row["records"]) for row in found] == [("Валідатор 19", "offline", "462")]


async def test_the_ledger_of_a_period_is_counted_on_demand(serve: Serve, visit: Open, desk: Desk) -> None:
    async with serve(HandMadeLive(town()), desk) as address, visit(address, "/ledger?lang=en") as seen:
        rows = seen.page.locator(".ledger tbody tr")
        await expect(rows).to_have_count(15)
        await seen.page.get_by_label("from").fill("2026-11-20")
        await expect(seen.page.get_by_text("Counted in the database at 14:32:07")).to_be_visible()
        await expect(rows).to_have_count(3)
        await seen.page.get_by_label("to", exact=True).fill("2026-11-01")
        await expect(seen.page.get_by_text("That period holds no moment")).to_be_visible()
        assert len(await rows_of(f"{address}/ledger.csv?from=2026-11-20")) == 2
        assert (await asyncio.to_thread(ask, f"{address}/ledger.csv?from=2026-11-20&to=2026-11-01"))[0] == 422


async def test_a_nodes_page_tells_all_of_it(serve: Serve, visit: Open, desk: Desk) -> None:
    async with serve(HandMadeLive(town()), desk) as address, visit(address, f"/fleet/{NODE}?lang=en") as seen:
        told = seen.page.locator(".happenings tbody tr")
        await expect(told).to_have_count(5)
        await expect(told.nth(0)).to_contain_text("peripheral at fault. panel: no answer")
        await expect(told.nth(1)).to_contain_text("ordered 14:30:57: done")
        node = seen.page.locator(".node")
        await expect(node).to_contain_text("26 h 40 min")
        await expect(node).to_contain_text("version 4, gets 5")
        await seen.page.goto(f"{address}/fleet/ffffffffffffffff?lang=en")
        await expect(seen.page.get_by_text("The registry holds no node ffffffffffffffff.")).to_be_visible()


async def test_keys_open_pages_and_can_be_switched_off(serve: Serve, visit: Open) -> None:
    async with serve(HandMadeLive(town())) as address, visit(address) as seen:
        page = seen.page
        await page.keyboard.press("3")
        await expect(page).to_have_url(f"{address}/fleet")
        search = page.get_by_role("searchbox")
        await expect(search).to_be_visible()
        await page.keyboard.press("/")
        await expect(search).to_be_focused()
        await page.get_by_role("button", name="Keys").click()
        await page.get_by_label("Single keys work").uncheck()
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog#help")).to_be_hidden()
        await page.locator("body").press("2")
        await page.wait_for_timeout(300)
        await expect(page).to_have_url(f"{address}/fleet")
