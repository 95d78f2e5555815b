"""The console as a dispatcher sees it, in a real browser, on the real controller; and a short day at it."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiomqtt
import pyotp
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from hil_tests.conftest import City, eventually
from protocols.wire import batch, mqtt_access, topics

CHROMIUM = shutil.which("chromium")
# Without these Chromium talks to its maker's servers.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic",
)  # fmt: skip
PATIENCE_MS = 60_000
NAME, PASSWORD = "olena", "a tram at the depot 7"
WORDS = {
    "en": {
        "enter": "Log in",
        "fleet": "Fleet",
        "map": "Map",
        "ledger": "Ledger",
        "audit": "Audit",
        "people": "People",
        "offline": "offline",
        "sound": "The ledger reconciles",
        "chain": "Prove the chain",
        "whole": "the chain is whole",
        "leave": "Log out",
        "role": "administrator",
    },
    "uk": {
        "enter": "Увійти",
        "fleet": "Парк",
        "map": "Карта",
        "ledger": "Звірка",
        "audit": "Аудит",
        "people": "Люди",
        "offline": "не на зв’язку",
        "sound": "Звірка сходиться",
        "chain": "Довести ланцюг",
        "whole": "Ланцюг цілий",
        "leave": "Вийти",
        "role": "адміністратор",
    },
}

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
    page.goto(f"{city.controller.url}/ledger?lang=uk")
    expect(page.get_by_text("Звірка сходиться")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Борт 101, двері 1").first).to_be_visible()
    page.goto(f"{city.controller.url}/ledger?lang=en")
    expect(page.get_by_text("The ledger reconciles")).to_be_visible(timeout=PATIENCE_MS)
    assert [url for url in strangers if not url.startswith(("data:", "blob:", "ws://127.0.0.1"))] == []


async def _lie(city: City) -> None:
    """Send a batch in the validator's name, with what the broker asks of it but without the seal of its key."""
    node = topics.node_id(city.validator_name)
    key = next(one.settings["key"] for one in city.setting.nodes if one.name == city.validator_name)
    secret = mqtt_access.password(bytes.fromhex(key))
    async with aiomqtt.Client("127.0.0.1", city.mqtt_port, username=city.validator_name, password=secret) as liar:
        await liar.publish(topics.topic("demo", node, "up"), batch.build(bytes(32), node, 1, []), qos=1)


def test_a_forged_envelope_is_counted_on_the_page_and_in_the_metrics(city: City, page: Page) -> None:
    with ThreadPoolExecutor() as beside_the_browsers_loop:
        beside_the_browsers_loop.submit(asyncio.run, _lie(city)).result()
    eventually("the refusal is counted", lambda: city.controller.counters()["rejected"].get("wrong_mac") == 1)
    assert 'reason="wrong_mac"} 1.0' in city.controller.text("/metrics")
    page.goto(f"{city.controller.url}/?lang=en")
    expect(page.get_by_text("wrong signature").or_(page.get_by_text("wrong_mac")).first).to_be_visible()
    eventually("journal and database agree", lambda: city.reconciles(city.validator_name))


def _begin_with_a_closed_door(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """The city's controller lets everybody in; from now on it does not."""
    city.controller.kill()
    monkeypatch.setenv("VUZOL_ACCESS__OPEN_AS", "")
    city.controller.start()


def _make_the_first_administrator(city: City, folder: Path) -> None:
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "tools.cli", "user", "add", NAME, "--role", "administrator"]
    options = ["--config", str(city.setting.config), "--password-file", str(secret)]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)


def _log_in(page: Page, enter: str) -> None:
    page.locator("input[name=name]").fill(NAME)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name=enter).click()


def test_a_short_day_at_the_console_in_both_languages(
    city: City,
    page: Page,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _begin_with_a_closed_door(city, monkeypatch)
    url = city.controller.url
    page.goto(f"{url}/fleet?lang=uk")
    expect(page).to_have_url(f"{url}/login?next=/fleet")  # and what was asked for is not forgotten
    expect(page.get_by_text("vuzol user add")).to_be_visible()
    _make_the_first_administrator(city, tmp_path)
    for language, words in WORDS.items():
        page.goto(f"{url}/login?lang={language}")
        page.locator("input[name=name]").fill(NAME)
        page.locator("input[name=password]").fill("something else")
        page.get_by_role("button", name=words["enter"]).click()
        expect(page.locator("[data-refusal]")).not_to_be_empty()
        _log_in(page, words["enter"])
        expect(page.locator(".attention")).to_be_visible()
        expect(page.locator(".open-banner")).to_have_count(0)

        page.get_by_role("link", name=words["map"], exact=True).click()
        expect(page.locator(".mark-display")).to_have_count(1)
        page.keyboard.press("3")
        expect(page.locator(".nodes tbody tr")).to_have_count(2)
        if language == "en":
            city.display.cut_power()
        page.get_by_role("button", name=words["offline"]).click()
        row = page.locator(".nodes tbody tr", has_text=city.display_name)
        expect(row.locator(".cell-state")).to_have_text(words["offline"], timeout=60_000)
        row.get_by_role("link").click()
        expect(page.locator(".happenings tbody tr").first).to_be_visible()
        page.goto(url)
        expect(page.locator(".alert").first).to_contain_text(words["offline"], timeout=60_000)

        page.get_by_role("link", name=words["ledger"], exact=True).click()
        expect(page.locator(".verdict")).to_contain_text(words["sound"])
        page.get_by_role("link", name=words["audit"], exact=True).click()
        expect(page.locator(".audit tbody tr").first).to_contain_text(NAME)
        page.get_by_role("button", name=words["chain"]).click()
        expect(page.get_by_text(words["whole"])).to_be_visible()
        page.get_by_role("link", name=words["people"], exact=True).click()
        expect(page.locator(".people tbody tr")).to_contain_text(words["role"])
        page.get_by_role("button", name=words["leave"]).click()
        expect(page).to_have_url(f"{url}/login")
    page.goto(f"{url}/ledger")
    expect(page).to_have_url(f"{url}/login?next=/ledger")
    page.goto(f"{url}/login?lang=en")
    _log_in(page, WORDS["en"]["enter"])
    _take_a_second_factor(page)


def _take_a_second_factor(page: Page) -> None:
    """As its owner does, on the page behind the own name."""
    page.get_by_role("link", name=NAME).click()
    page.get_by_role("button", name="Show the QR code").click()
    expect(page.locator("[data-drawing] svg")).to_be_visible()
    form = page.locator("form", has=page.locator("[name=code]"))
    form.locator("[name=password]").fill(PASSWORD)
    form.locator("[name=code]").fill(pyotp.TOTP(page.locator("[data-secret]").inner_text()).now())
    page.get_by_role("button", name="Put it in force").click()
    expect(page.get_by_text("In force: the next login asks for a code")).to_be_visible()
