"""The page as a dispatcher sees it, in a real browser, on the real controller."""

import asyncio
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import aiomqtt
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from hil_tests.conftest import City, eventually
from protocols.wire import batch, topics

CHROMIUM = shutil.which("chromium")
# Without these Chromium talks to its maker's servers.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic",
)  # fmt: skip
PATIENCE_MS = 15_000

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium; type: sudo apt-get install chromium")


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        opened = browser.new_page(viewport={"width": 1440, "height": 900})
        opened.set_default_timeout(PATIENCE_MS)
        yield opened
        browser.close()


def test_a_ride_and_an_arrival_appear_on_the_page_in_both_languages(city: City, page: Page) -> None:
    city.tap()
    eventually("arrivals on the glass", lambda: city.counts_while_driving("arrivals_shown") > 0)
    strangers = []
    page.on("request", lambda request: None if city.controller.url in request.url else strangers.append(request.url))
    page.goto(f"{city.controller.url}/?lang=uk")
    expect(page.get_by_text("Звірка сходиться")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Борт 101, двері 1").first).to_be_visible()
    page.goto(f"{city.controller.url}/?lang=en")
    expect(page.get_by_text("The ledger reconciles")).to_be_visible(timeout=PATIENCE_MS)
    assert [url for url in strangers if not url.startswith(("data:", "blob:", "ws://127.0.0.1"))] == []


async def _lie(city: City) -> None:
    """Send a batch in the validator's name, without its key."""
    node = topics.node_id(city.validator_name)
    async with aiomqtt.Client("127.0.0.1", city.mqtt_port) as liar:
        await liar.publish(topics.topic("demo", node, "up"), batch.build(bytes(32), node, 1, []), qos=1)


def test_a_forged_envelope_is_counted_on_the_page_and_in_the_metrics(city: City, page: Page) -> None:
    with ThreadPoolExecutor() as beside_the_browsers_loop:
        beside_the_browsers_loop.submit(asyncio.run, _lie(city)).result()
    eventually("the refusal is counted", lambda: city.controller.counters()["rejected"].get("wrong_mac") == 1)
    assert 'reason="wrong_mac"} 1.0' in city.controller.text("/metrics")
    page.goto(f"{city.controller.url}/?lang=en")
    expect(page.get_by_text("wrong signature").or_(page.get_by_text("wrong_mac")).first).to_be_visible()
    eventually("journal and database agree", lambda: city.reconciles(city.validator_name))
