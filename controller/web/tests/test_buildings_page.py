"""Buildings in a real browser: what is known of their consumption, what is not, and a reading that somebody types in.

Never looks at server objects; only at what stands on the screen and in the files.
Specification: controller/web/README.md, "Charts and buildings".
"""

import asyncio

from playwright.async_api import expect

from controller.web.desk import Desk
from controller.web.tests.conftest import Open, Serve
from controller.web.tests.houses import HEAT, POWER, SERIALS
from controller.web.tests.test_lists import rows_of
from controller.web.tests.test_page_server import ask
from controller.web.tests.town import HandMadeLive, town


async def test_a_building_tells_its_meters_and_never_a_nought_for_what_nobody_knows(
    serve: Serve, visit: Open, desk: Desk
) -> None:
    async with serve(HandMadeLive(town()), desk) as address, visit(address, "/buildings?lang=en") as seen:
        rows = seen.page.locator(".buildings tbody tr")
        await expect(rows).to_have_count(5)
        power = rows.filter(has_text=POWER)
        await expect(power).to_contain_text(f"replaced 2026-11-16 14:32, before: {SERIALS[0]}")
        await expect(power.locator(".cell-reading")).to_contain_text("144.5 kWh")
        await expect(power.locator(".cell-yesterday")).to_contain_text("28.5 kWh")
        await expect(rows.filter(has_text=HEAT).locator(".cell-month")).to_have_text("—no reading")
        total = rows.filter(has_text="Total: electricity")
        await expect(total.locator(".cell-yesterday")).to_contain_text("40.5 kWh")
        water = rows.filter(has_text="water").locator(".cell-yesterday")
        await expect(water).to_contain_text("together since 2026-10-21 14:32, by eye")
        found = {row["account"]: row for row in await rows_of(f"{address}/buildings.csv")}
        assert (found["4"]["month"], found["1"]["reading"]) == ("", "144.5")
        assert float(found["1sum"]["yesterday"]) == 40.5


async def test_days_without_a_reading_are_gaps_and_a_display_is_read_by_eye(
    serve: Serve, visit: Open, desk: Desk
) -> None:
    async with serve(HandMadeLive(town()), desk) as address, visit(address, "/buildings?lang=en") as seen:
        page = seen.page
        await page.get_by_role("link", name=POWER).click()
        usage = page.locator(".usage")
        await expect(usage).to_contain_text("922.5 kWh are known. 2 without an amount. 1 unsure, in another colour.")
        await expect(usage.locator("svg [fill='#0a5a91']")).to_have_count(28)
        await expect(usage.locator("svg [fill='#774900']")).to_have_count(1)
        row = usage.locator("tbody tr", has=page.get_by_text("2026-11-09", exact=True))
        await expect(row.locator(".cell-amount")).to_have_text("—")
        await usage.get_by_label("Day by day or month by month").select_option("by month")
        await expect(page).to_have_url(f"{address}/buildings/1?by=month")
        await expect(usage.locator("tbody tr").first).to_contain_text("2026-11")

        form = page.locator(".entry")
        for typed, told in (
            ("a lot", "Write the number that the display shows"),
            ("150 MWh", "The display counts kWh, not MWh"),
            ("1 234 567", "The display has only 6 digits"),
            ("120", "That is less than the 144.5 kWh of 2026-11-21 13:32."),
        ):
            await form.get_by_label("The display shows, kWh").fill(typed)
            await form.get_by_role("button", name="Enter").click()
            await expect(form.get_by_role("alert")).to_contain_text(told)
        await form.get_by_label("The display shows, kWh").fill("150,5 kWh")
        await form.get_by_label("The display shows, kWh").press("Enter")
        await expect(form.get_by_role("status")).to_have_text("Entered.")
        await expect(usage.locator("tbody tr").first).to_contain_text("628 kWh")
        shares = await rows_of(f"{address}/buildings/1.csv?by=day&from=2026-11-08&to=2026-11-10")
        assert [row["amount"] for row in shares] == ["", "", "90.0"]
        assert "several" in shares[2]["marks"]
        wrong = await asyncio.to_thread(ask, f"{address}/buildings/1.csv?from=2000-01-01")
        assert wrong[0] == 422
