"""The page in a real browser: what a dispatcher sees of a town made by hand.

Never looks at server objects; only at what stands on the screen.
Specification: controller/web/README.md.
"""

import asyncio
from dataclasses import replace

from playwright.async_api import Page, expect

from controller.services.alarms_life import Alarm
from controller.services.live import DeviceView, PointView
from controller.web.tests.conftest import Open, Serve
from controller.web.tests.town import HEIGHT, START_S, WIDTH, HandMadeLive, picture, town, troubled

# Draws an image at its own size and tells which pixels are lit, as the panel's bits: rows padded to bytes, MSB left.
READ_BITS = """async (image) => {
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const rgba = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const bits = [];
  for (let pixel = 0; pixel < rgba.length / 4; pixel += 8) {
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) byte = (byte << 1) | (rgba[(pixel + bit) * 4 + 3] > 127 ? 1 : 0);
    bits.push(byte);
  }
  return [canvas.width, canvas.height, bits];
}"""


async def test_all_is_well_in_one_calm_line(serve: Serve, visit: Open) -> None:
    async with serve(HandMadeLive(town())) as address, visit(address) as seen:
        await expect(seen.page.locator(".calm")).to_contain_text("All is well")
        await expect(seen.page.locator(".calm")).to_contain_text("14 of 14 nodes are online")
        await expect(seen.page.locator(".alert")).to_have_count(0)
        await expect(seen.page).to_have_title("Now · demo · Vuzol")


async def test_vehicles_stand_on_the_map_with_route_and_delay(serve: Serve, visit: Open) -> None:
    async with serve(HandMadeLive(town())) as address, visit(address, "/map?lang=en") as seen:
        marks = seen.page.locator(".mark-vehicle")
        await expect(marks).to_have_count(8)
        await expect(marks.nth(1)).to_have_text("4+4 min")
        await expect(marks.nth(2)).to_have_text("228\u22121 min")
        await expect(marks.nth(5)).to_have_text("228no data")
        spoken = "Vehicle 18. Route 4 → Автовокзал. 4 minutes late"
        await expect(seen.page.get_by_role("button", name=spoken)).to_be_attached()
        await expect(seen.page.locator(".mark-display")).to_have_count(6)
        await expect(seen.page.locator("path.route-line")).to_have_count(3)


async def test_a_vehicle_moves_and_another_leaves_without_a_reload(serve: Serve, visit: Open) -> None:
    live = HandMadeLive(town())
    async with serve(live) as address, visit(address, "/map?lang=en") as seen:
        mark = seen.page.get_by_role("button", name="Vehicle 17.")
        before = await mark.bounding_box()
        now = town(START_S + 20)
        live.tell(replace(now, vehicles=now.vehicles[:7]))
        await expect(seen.page.locator(".mark-vehicle")).to_have_count(7)
        after = await mark.bounding_box()
        assert before is not None
        assert after is not None
        assert abs(before["x"] - after["x"]) + abs(before["y"] - after["y"]) > 3
        assert [url for url in seen.addresses if url.endswith("lang=en")] == [f"{address}/map?lang=en"]


async def test_a_displays_card_shows_its_real_picture_lamp_by_lamp(serve: Serve, visit: Open) -> None:
    live = HandMadeLive(town())
    async with serve(live) as address, visit(address, "/displays?lang=en") as seen:
        card = seen.page.locator("#glass-00000000000000d3")
        width, height, bits = await card.locator("img").evaluate(READ_BITS)
        assert (width, height, bytes(bits)) == (WIDTH, HEIGHT, picture(2))
        await expect(card).to_contain_text("Табло 3")
        await expect(card).to_contain_text("95-й квартал")
        await expect(card.locator(".proof")).to_have_text("proven")
        await expect(card.locator(".glass-age")).to_have_text("14:31:50 · 15 s ago")
        shown = await card.locator("img").bounding_box()
        assert shown is not None
        assert shown["width"] % WIDTH == 0  # whole screen pixels a lamp, or it is not crisp


async def test_a_picture_that_no_record_proves_says_so(serve: Serve, visit: Open) -> None:
    live = HandMadeLive(troubled())
    async with serve(live) as address, visit(address, "/displays?lang=en") as seen:
        card = seen.page.locator("#glass-00000000000000d2")
        await expect(card.locator(".proof")).to_have_text("newer than record")
        glass = Alarm(9, "glass", "00000000000000d2", "warn", 37, START_S, START_S + 90, "00000000000000d2", "Табло 2")
        live.tell(replace(troubled(START_S + 90), alarms=(glass,)))
        await expect(card.locator(".proof")).to_have_text("differs from record")
        await expect(seen.page.locator("#glass-00000000000000d4")).to_contain_text("No picture has come yet")
        await expect(seen.page.locator("#glass-00000000000000d4 .glass-state")).to_have_text("offline")


async def test_the_ledger_says_why_numbers_are_lost_and_what_was_imported(serve: Serve, visit: Open) -> None:
    snapshot = town()
    first = snapshot.ledger[0]
    told = replace(
        first, declared_gaps=3, stored=first.stored - 3, gap_reasons={"torn_write": 1, "overwritten": 2}, imported=1234
    )
    live = HandMadeLive(replace(snapshot, ledger=(told, *snapshot.ledger[1:])))
    async with serve(live) as address, visit(address, "/ledger?lang=en") as seen:
        row = seen.page.locator(".ledger tbody tr", has_text=first.name)
        await expect(row.locator(".cell-declared_gaps")).to_contain_text("3torn write 1, overwritten 2")
        await expect(row.locator(".cell-stored")).to_contain_text("1,234 imported")
        await expect(row.locator(".cell-journalled")).to_have_text(f"{first.highest_seq - 3}")


async def test_the_ledger_gives_its_verdict_in_plain_words_and_adds_up(serve: Serve, visit: Open) -> None:
    live = HandMadeLive(town())
    async with serve(live) as address, visit(address, "/ledger?lang=en") as seen:
        verdict = seen.page.locator(".verdict")
        await expect(verdict).to_contain_text("The ledger reconciles")
        await expect(verdict).to_contain_text("4,623 records stored, each exactly once; none lost.")
        totals = seen.page.locator(".ledger tr[data-state=totals]")
        await expect(totals).to_contain_text("Total")
        await expect(totals.locator(".cell-stored")).to_have_text("4,623")
        live.tell(troubled())
        await expect(verdict).to_contain_text("Records are missing")
        await expect(verdict).to_contain_text("3 records still to come from 1 node.")
        await expect(totals.locator(".cell-missing")).to_have_text("3")
        first = seen.page.locator(".ledger tbody tr").first
        await expect(first).to_contain_text("Валідатор 21")
        await expect(first.locator(".cell-state")).to_have_text("missing")


async def test_devices_of_others_show_state_values_and_alarms_and_only_where_there_are_any(
    serve: Serve, visit: Open
) -> None:
    level = PointView("level", "m", "value", 1.25, "good", START_S)
    power = PointView("power", "kWh", "value", 37_068_500.0, "good", START_S)  # four figures count
    tank = DeviceView("Резервуар 2", "Level meter", "yard", 5, online=True, alarms=(), points=(level, power))
    live = HandMadeLive(town())
    async with serve(live) as address:
        async with visit(address, "/meters?lang=en") as seen:
            await expect(seen.page.locator(".devices")).to_be_hidden()
        live.tell(replace(town(), devices=(tank, replace(tank, name="Щит 1", online=False, points=()))))
        async with visit(address, "/meters?lang=en") as seen:
            rows = seen.page.locator(".devices tbody tr")
            await expect(rows.first).to_contain_text("Щит 1")
            await expect(rows.first.locator(".cell-state")).to_have_text("offline")
            await expect(rows.nth(1)).to_contain_text("level 1.25 m, Power 37,070,000 kWh")
            live.tell(replace(town(), devices=(replace(tank, alarms=("flood",)),)))
            await expect(rows.first.locator(".cell-state")).to_have_text("alarm")
            await expect(rows.first).to_contain_text("flood")


async def test_a_refused_envelope_appears_under_what_is_wrong(serve: Serve, visit: Open) -> None:
    live = HandMadeLive(town())
    async with serve(live) as address, visit(address) as seen:
        await expect(seen.page.locator(".calm")).to_be_visible()
        refused = Alarm(1, "refused", "wrong_mac", "warn", 30, START_S + 1, START_S + 1, name="wrong_mac", amount=1)
        now = town(START_S + 1)
        counters = replace(now.counters, rejected={"wrong_mac": 1})
        live.tell(replace(now, counters=counters, alarms=(refused,)))
        alert = seen.page.locator(".alert")
        await expect(alert).to_have_count(1)
        await expect(alert).to_contain_text("1 envelope refused: wrong signature")
        await expect(alert).to_contain_text("wrong_mac · last at 14:32:08")
        await expect(alert).to_contain_text("provision the node again")
        await expect(seen.page.locator(".calm")).to_be_hidden()
        await expect(seen.page.locator(".figure[data-key=refused]")).to_contain_text("wrong signature: 1")


async def test_offline_nodes_come_first_with_what_to_do(serve: Serve, visit: Open) -> None:
    async with serve(HandMadeLive(troubled())) as address, visit(address, "/?lang=uk") as seen:
        alerts = seen.page.locator(".alert")
        await expect(alerts.nth(0)).to_contain_text("Валідатор 19 не на зв’язку")
        await expect(alerts.nth(0)).to_contain_text("борт 19")
        await expect(alerts.nth(0)).to_contain_text("востаннє о 14:26:55 (5 хв тому)")
        await expect(alerts.nth(0)).to_contain_text("Перевірте живлення")
        await expect(alerts.nth(1)).to_contain_text("ще не виходив на зв’язок")
        await expect(seen.page.locator(".online")).to_contain_text("12 з 14")
        await seen.page.get_by_role("link", name="Парк", exact=True).click()
        await expect(seen.page.locator(".nodes tbody tr").first.locator(".cell-state")).to_have_text("не на зв’язку")


async def test_the_language_follows_the_browser_then_the_switch_and_is_kept(serve: Serve, visit: Open) -> None:
    async with serve(HandMadeLive(town())) as address:
        async with visit(address, "/", locale="de-DE") as seen:
            await _speaks(seen.page, "uk", "Усе гаразд")
        async with visit(address, "/", locale="en-US") as seen:
            await _speaks(seen.page, "en", "All is well")
            await seen.page.get_by_role("link", name="Українська").click()
            await _speaks(seen.page, "uk", "Усе гаразд")
            assert seen.page.url.endswith("?lang=uk")
            await seen.page.goto(address)
            await _speaks(seen.page, "uk", "Усе гаразд")


async def _speaks(page: Page, language: str, calm: str) -> None:
    await expect(page.locator(".calm")).to_contain_text(calm)
    assert str(await page.locator("html").get_attribute("lang")).startswith(language)


async def test_the_theme_follows_the_system_then_the_switch_and_is_kept(serve: Serve, visit: Open) -> None:
    async with serve(HandMadeLive(town())) as address, visit(address, theme="dark") as seen:
        html = seen.page.locator("html")
        await expect(html).to_have_attribute("data-theme", "dark")
        await seen.page.get_by_role("button", name="Theme: as the system").click()
        await expect(html).to_have_attribute("data-theme", "light")
        await seen.page.reload()
        await expect(html).to_have_attribute("data-theme", "light")
        await expect(seen.page.get_by_role("button", name="Theme: light")).to_be_visible()


async def test_only_what_changed_is_sent(serve: Serve, visit: Open) -> None:
    live = HandMadeLive(town())
    async with serve(live) as address, visit(address, "/map?lang=en") as seen:
        frames: list[str | bytes] = []
        seen.page.on("websocket", lambda opened: opened.on("framereceived", lambda frame: frames.append(frame)))
        await seen.page.reload()
        await expect(seen.page.locator(".mark-vehicle")).to_have_count(8)
        while frames:  # until the page has all that it needs
            frames.clear()
            await asyncio.sleep(1.5)
        for second in range(1, 3):
            live.tell(replace(town(), time_s=START_S + second))  # the clock alone moves on
            await expect(seen.page.locator(".clock-time")).to_have_text(f"14:32:0{7 + second}")
        assert sum(len(frame) for frame in frames) < 2500
