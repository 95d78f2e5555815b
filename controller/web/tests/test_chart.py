"""The chart in a real browser: nothing is loaded before somebody chooses, and what is drawn is what was stored.

Never looks at server objects; only at what stands on the screen.
Specification: controller/web/README.md, "Charts".
"""

from math import sin

from playwright.async_api import expect

from controller.services.history import Choice, Point
from controller.web.panels.chart import GAP
from controller.web.tests.conftest import Open, Serve
from controller.web.tests.town import START_S, HandMadeLive, town

POST, METER = Choice("0000000000000004", "Пост 1"), Choice("0000000000000003 1", "Будинок 7 · 12345678")
PM10, NO2, PULSES = Choice("pm10", "pm10", "ug/m3"), Choice("no2", "no2", "ppb"), Choice("e", "", "Wh")


class HandMadePast:
    """Stands where History stands, and counts what is asked."""

    def __init__(self) -> None:
        self.known: tuple[Choice, ...] = (POST, METER)
        self.asked: list[tuple[str, str]] = []

    def places(self) -> tuple[Choice, ...]:
        return self.known

    def values(self, place: str) -> tuple[Choice, ...]:
        return (PM10, NO2) if place == POST.id else (PULSES,)

    def last_day(self, place: str, value: str) -> tuple[Point, ...]:
        self.asked.append((place, value))
        if value == NO2.id:
            return ()
        minutes = [minute for minute in range(1440) if not 600 <= minute < 690]  # an hour and a half are missing
        return tuple(
            Point(
                START_S - 86_400 + 60 * minute,
                round(20 + 12 * sin(minute / 200), 1),
                ("warm_up",) if minute < 30 else (),
            )
            for minute in minutes
        )


async def test_a_value_that_is_chosen_is_drawn_and_nothing_is_loaded_before(serve: Serve, visit: Open) -> None:
    past = HandMadePast()
    async with serve(HandMadeLive(town()), past=past) as address, visit(address) as seen:
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
        await expect(panel.get_by_label("Value")).to_have_text("Wh")
        assert past.asked == [(POST.id, PM10.id), (POST.id, NO2.id), (METER.id, PULSES.id)]


async def test_the_keyboard_is_enough_and_both_themes_have_their_colours(serve: Serve, visit: Open) -> None:
    inks = set()
    for theme in ("light", "dark"):
        async with (
            serve(HandMadeLive(town()), past=HandMadePast()) as address,
            visit(address, "/?lang=uk", theme=theme) as seen,
        ):
            await seen.page.get_by_label("Лічильник або пост повітря").focus()
            await seen.page.keyboard.press("ArrowDown")
            drawn = seen.page.locator(".chart svg [stroke='#0a5a91']")
            await expect(drawn).to_have_count(1)
            await expect(seen.page.locator(".chart")).to_contain_text("Крапки: позначено прогрів.")
            inks.add(await drawn.evaluate("line => getComputedStyle(line).stroke"))
            assert await seen.page.evaluate("document.activeElement.tagName") == "SELECT"
    assert len(inks) == 2


async def test_a_town_without_meters_and_posts_has_no_chart_until_one_is_heard(serve: Serve, visit: Open) -> None:
    past = HandMadePast()
    past.known = ()
    async with serve(HandMadeLive(town()), past=past) as address, visit(address) as seen:
        await expect(seen.page.locator(".chart")).to_be_hidden()
        past.known = (POST,)
        await expect(seen.page.locator(".chart")).to_be_visible()
