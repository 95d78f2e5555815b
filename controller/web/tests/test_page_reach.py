"""Who can read the page: by keyboard, by ear, on a phone, in a dark room, with two thousand nodes.

Never looks at server objects; only at what stands on the screen.
Specification: controller/web/README.md; WCAG 2.2, 1.4.3 (contrast), 1.4.10 (reflow), 2.1.1 (keyboard), 4.1.2 (names).
"""

from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from controller.services.live import Snapshot
from controller.web.tests.conftest import Open, Serve
from controller.web.tests.town import START_S, HandMadeLive, ledger, town, troubled

SIZES = ((390, 844), (768, 1024), (1024, 768), (1280, 800), (1400, 900), (1440, 900), (1920, 1080))

# Every visible text whose contrast with what lies behind it is below WCAG AA.
FIND_FAINT_TEXT = """() => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = numbers(getComputedStyle(at).backgroundColor);
      if (alpha > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    const words = texts.currentNode.textContent.trim();
    const seen = node.checkVisibility({ visibilityProperty: true }) && !node.closest(".unseen, script, style");
    if (!words || !seen) continue;
    const style = getComputedStyle(node);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const [high, low] = [luminance(numbers(style.color)), luminance(behind(node))].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < (large ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)} ${words.slice(0, 40)} (${node.className})`);
  }
  return faint;
}"""


def big_town(count: int) -> Snapshot:
    """So many nodes, every ninety-seventh of them silent."""
    well = town()
    nodes = tuple(
        replace(well.nodes[n % 14], node=f"{n:016x}", name=f"Вузол {n}", online=n % 97 != 0) for n in range(count)
    )
    return replace(well, nodes=nodes, ledger=ledger(nodes))


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_text_has_enough_contrast(serve: Serve, visit: Open, theme: str) -> None:
    live = HandMadeLive(troubled())
    async with serve(live) as address, visit(address, theme=theme) as seen:
        await expect(seen.page.locator(".mark-vehicle")).to_have_count(8)
        assert await seen.page.evaluate(FIND_FAINT_TEXT) == []
        live.tell(town())
        await expect(seen.page.locator(".calm")).to_be_visible()
        assert await seen.page.evaluate(FIND_FAINT_TEXT) == []


async def test_whatever_can_be_operated_has_a_name(serve: Serve, visit: Open) -> None:
    async with serve(HandMadeLive(troubled())) as address, visit(address) as seen:
        await expect(seen.page.locator(".mark-vehicle")).to_have_count(8)
        for role in ("button", "link", "img", "searchbox", "region", "navigation", "columnheader"):
            things = seen.page.get_by_role(role)
            assert await things.count() > 0, role
            named = seen.page.get_by_role(role, name=".")
            nameless = [
                await thing.evaluate("node => node.outerHTML.slice(0, 120)")
                for thing in await things.all()
                if not await named.and_(thing).count() and not await _name(thing.page, await thing.element_handle())
            ]
            assert nameless == [], role


async def _name(page: Page, node: object) -> str:
    script = (
        "n => n.ariaLabel || n.alt || n.title || n.innerText?.trim() || n.labels?.[0]?.innerText || "
        "document.getElementById(n.getAttribute('aria-labelledby'))?.textContent || ''"
    )
    return str(await page.evaluate(script, node))


async def test_a_keyboard_sorts_the_table_and_reaches_the_vehicles(serve: Serve, visit: Open) -> None:
    live = HandMadeLive(town())
    async with serve(live) as address, visit(address) as seen:
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
        await seen.page.get_by_role("button", name="Vehicle 18.").focus()
        await expect(seen.page.locator(".mark-tip")).to_contain_text("vehicle 18 · 25 km/h")


async def test_of_two_thousand_nodes_a_reader_gets_one_page_and_finds_any(serve: Serve, visit: Open) -> None:
    async with serve(HandMadeLive(big_town(2000))) as address, visit(address) as seen:
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
        await expect(seen.page.locator(".alert")).to_have_count(1)
        await expect(seen.page.locator(".alert")).to_contain_text("21 nodes are offline")
        await expect(seen.page.locator(".alert")).to_contain_text("and 17 more")


@pytest.mark.parametrize("language", ["uk", "en"])
async def test_the_page_never_scrolls_sideways(serve: Serve, visit: Open, language: str) -> None:
    async with serve(HandMadeLive(troubled())) as address, visit(address, f"/?lang={language}") as seen:
        await expect(seen.page.locator(".mark-vehicle")).to_have_count(8)
        for width, height in SIZES:
            await seen.page.set_viewport_size({"width": width, "height": height})
            assert await seen.page.evaluate("document.documentElement.scrollWidth") <= width
            tables = await seen.page.eval_on_selector_all(
                ".paged-table", "all => all.map((table) => table.scrollWidth - table.clientWidth)"
            )
            assert max(tables) <= 0, width
