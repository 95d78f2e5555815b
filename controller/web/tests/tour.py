"""A tour of the console: one browser goes to every page and waits until it has been built.

Never says what a page has to show. Specification: controller/web/pages.py.
"""

from collections.abc import AsyncIterator

from playwright.async_api import Page

from controller.web.pages import PAGES
from controller.web.tests.town import town

BUILT = {
    "now": ".figure",
    "alarms": ".past-alarms tbody tr",
    "map": ".mark-vehicle >> nth=7",
    "fleet": ".nodes tbody tr >> nth=13",
    "node": ".happenings tbody tr >> nth=4",
    "displays": ".glass >> nth=5",
    "meters": ".choice-list",
    "buildings": ".buildings tbody tr >> nth=4",
    "usage": ".usage tbody tr >> nth=6",
    "updates": ".page-updates .panel",
    "ledger": ".ledger tbody tr >> nth=13",
    "audit": ".audit tbody tr",
    "people": ".people tbody tr",
}
NODE = town().nodes[2].node
ACCOUNT = "1"  # a meter point


async def every_page(page: Page, address: str, language: str = "en") -> AsyncIterator[str]:
    """The key of each page, when the browser shows it."""
    for row in PAGES:
        await page.goto(f"{address}{row.path.format(node=NODE, account=ACCOUNT)}?lang={language}")
        await page.wait_for_selector(BUILT[row.key])
        yield row.key
