"""Alarms that are over, in a real browser: all of them, found again by what they were, how long and how they ended.

Never looks at server objects; only at what stands on the screen and in the file.
Specification: controller/web/README.md, "What counts as wrong".
"""

from playwright.async_api import expect

from controller.services.alarms_rules import load_rules
from controller.web.desk import Desk
from controller.web.language import LANGUAGES, read_catalogues
from controller.web.tests.conftest import Open, Serve
from controller.web.tests.houses import COMMENT
from controller.web.tests.test_lists import rows_of
from controller.web.tests.town import HandMadeLive, troubled


def test_every_kind_of_alarm_has_a_name() -> None:
    for language in LANGUAGES:
        messages = read_catalogues()[language].messages
        assert {f"alarm_name.{kind}" for kind in load_rules()} == {key for key in messages if "alarm_name." in key}


async def test_what_was_wrong_is_found_again_with_who_had_it_and_what_ended_it(
    serve: Serve, visit: Open, desk: Desk
) -> None:
    async with serve(HandMadeLive(troubled()), desk) as address, visit(address) as seen:
        page = seen.page
        await page.get_by_role("link", name="Alarm history").click()
        rows = page.locator(".past-alarms tbody tr")
        await expect(rows).to_have_count(3)
        await expect(rows.nth(0)).to_contain_text("Node offline")
        await expect(rows.nth(0)).to_contain_text("start of the node: record 121")
        await expect(rows.nth(1)).to_contain_text("2026-11-18 14:17:07")
        await expect(rows.nth(1)).to_contain_text("11 min")
        await expect(rows.nth(1)).to_contain_text(f"olena: {COMMENT}")
        await expect(rows.nth(1)).to_contain_text("without proof, by olena")
        await expect(rows.nth(2)).to_contain_text("commissioning record · order 12")
        await page.get_by_label("How it ended").select_option("closed without proof")
        await expect(rows).to_have_count(1)
        await expect(page).to_have_url(f"{address}/alarms?end=unproven")
        await page.reload()
        await expect(rows).to_have_count(1)
        await page.get_by_label("How it ended").select_option("However it ended")
        await page.get_by_role("searchbox").fill("валідатор 20")
        await expect(rows).to_have_count(1)
        await page.get_by_role("searchbox").fill("")
        await page.get_by_role("button", name="Lasted").click()
        await expect(rows.nth(0)).to_contain_text("6 min")
        await page.get_by_label("to", exact=True).fill("2026-11-17")
        await expect(page.get_by_text("No alarm has ended that would fit.")).to_be_visible()
        (one,) = await rows_of(f"{address}/alarms.csv?kind=peripheral&from=2026-11-18&to=2026-11-18")
        assert (one["seconds"], one["who"], one["end"]) == ("700", "olena", "unproven")
        assert (one["since"], one["proof_text"]) == ("2026-11-18T12:17:07+00:00", "Замінено зчитувач")
        everybody = await rows_of(f"{address}/alarms.csv?sort=-lasted&node=00000000000000a2")
        assert [row["kind"] for row in everybody] == ["out_of_service"]
