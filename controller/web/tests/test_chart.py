"""The chart in a real browser: nothing is loaded before somebody chooses, and what is drawn is what was stored.

Never looks at server objects; only at what stands on the screen.
Specification: controller/web/README.md, "Charts and buildings".
"""

from playwright.async_api import expect

from controller.web.desk import Desk
from controller.web.panels.chart import GAP
from controller.web.tests.conftest import Open, Serve
from controller.web.tests.past import METER, NO2, PM10, POST, PULSES, HandMadePast
from controller.web.tests.town import HandMadeLive, town


async def test_a_value_that_is_chosen_is_drawn_and_nothing_is_loaded_before(serve: Serve, visit: Open) -> None:
    past = HandMadePast()
    async with serve(HandMadeLive(town()), Desk(past=past)) as address, visit(address, "/meters?lang=en") as seen:
        panel = seen.page.locator(".chart")
        await expect(panel.get_by_label("Meter or air post")).to_be_visible()
        await expect(panel.get_by_label("Value")).to_be_hidden()
        assert past.asked == []
        assert not [url for url in seen.addresses if "echart" in url]
        await panel.get_by_label("Meter or air post").select_option(POST.name)
        await expect(panel.locator("svg [stroke='#0a5a91']")).to_have_count(1)
        assert past.asked == [(POST.id, PM10.id)]
        await expect(panel).to_contain_text("1,350 values, 8 to 32.")
        await expect(panel).to_contain_text("marked warming up")
        await expect(panel.locator("svg")).to_contain_text("20:00")  # as the town's clocks show it
        way = await panel.locator("svg [stroke='#0a5a91']").get_attribute("d") or ""
        assert way.count("M") == 2, f"the line is interrupted where more than {GAP} usual distances are missing"
        await panel.get_by_label("Value").select_option("NO₂, ppb")
        await expect(panel).to_contain_text("Nothing is stored of the last 24 hours.")
        await expect(panel.locator("svg")).to_have_count(0)
        await panel.get_by_label("Meter or air post").select_option(METER.name)
        await expect(panel.get_by_label("Value")).to_have_text("kWh")
        assert past.asked == [(POST.id, PM10.id), (POST.id, NO2.id), (METER.id, PULSES.id)]


async def test_the_keyboard_is_enough_and_both_themes_have_their_colours(serve: Serve, visit: Open) -> None:
    inks = set()
    for theme in ("light", "dark"):
        async with (
            serve(HandMadeLive(town()), Desk(past=HandMadePast())) as address,
            visit(address, "/meters?lang=uk", theme=theme) as seen,
        ):
            await seen.page.get_by_label("Лічильник або пост повітря").focus()
            await seen.page.keyboard.press("ArrowDown")
            drawn = seen.page.locator(".chart svg [stroke='#0a5a91']")
            await expect(drawn).to_have_count(1)
            await expect(seen.page.locator(".chart")).to_contain_text("Крапки: позначено прогрів.")
            inks.add(await drawn.evaluate("line => getComputedStyle(line).stroke"))
            assert await seen.page.evaluate("document.activeElement.tagName") == "SELECT"
    assert len(inks) == 2


async def test_a_town_without_meters_and_posts_says_so_until_one_is_heard(serve: Serve, visit: Open) -> None:
    past = HandMadePast()
    past.known = ()
    async with serve(HandMadeLive(town()), Desk(past=past)) as address, visit(address, "/meters?lang=en") as seen:
        await expect(seen.page.locator(".chart")).to_contain_text("No meter and no air post has told anything yet")
        await expect(seen.page.locator(".chart select").first).to_be_hidden()
        past.known = (POST,)
        await expect(seen.page.locator(".chart select").first).to_be_visible()
        await expect(seen.page.get_by_text("has told anything yet")).to_be_hidden()
