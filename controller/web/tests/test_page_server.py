"""The page and the server it runs in: outages, restarts, clean ends, many readers, addresses that do not exist.

Never starts a controller; the application here is FastAPI with the page and nothing else.
Specification: controller/web/README.md; NiceGUI 3, ui.run_with.
"""

import asyncio
import urllib.request
from dataclasses import replace
from urllib.error import HTTPError

from fastapi import FastAPI
from playwright.async_api import expect
from structlog.testing import capture_logs

from controller.tests.waiting import until
from controller.web import mount
from controller.web.tests.conftest import Open, Serve
from controller.web.tests.town import HandMadeLive, town


def ask(url: str) -> tuple[int, str, bytes]:
    """Status, kind and body of a plain request."""
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.headers["content-type"], answer.read()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers["content-type"], refusal.read()


async def test_the_page_says_that_the_link_is_lost_and_recovers_by_itself(serve: Serve, visit: Open) -> None:
    async with serve(HandMadeLive(town())) as address:
        port = int(address.rpartition(":")[2])
        looking = visit(
            address, "/map?lang=en", calm=False
        )  # a browser complains in its console of a server that is gone
        seen = await looking.__aenter__()
        link = seen.page.locator(".link")
        await expect(link).to_have_text("Live", use_inner_text=True)
        await expect(seen.page.locator(".mark-vehicle")).to_have_count(8)
    await expect(link).to_have_text("No link to the controller", use_inner_text=True)
    await expect(seen.page.locator(".mark-vehicle")).to_have_count(8)  # the last that is known stays
    later = replace(town(), site="later")
    async with serve(HandMadeLive(later), port=port):
        await expect(seen.page.locator(".site")).to_have_text("later", timeout=20_000)
        await expect(link).to_have_text("Live", use_inner_text=True)
        await looking.__aexit__(None, None, None)


async def test_a_server_with_an_open_page_stops_at_once(serve: Serve, visit: Open) -> None:
    loop = asyncio.get_running_loop()
    async with serve(HandMadeLive(town())) as address:
        looking = visit(address, calm=False)
        await looking.__aenter__()
        asked_s = loop.time()
    assert loop.time() - asked_s < 3
    await looking.__aexit__(None, None, None)
    left = {task.get_name() for task in asyncio.all_tasks()} - {asyncio.current_task().get_name()}  # type: ignore[union-attr]
    assert not {name for name in left if "page" in name or "outbox" in name}


async def test_two_readers_are_told_of_the_same_moment_each_in_their_language(serve: Serve, visit: Open) -> None:
    live = HandMadeLive(town())
    async with serve(live) as address, visit(address) as one, visit(address, "/?lang=uk") as other:
        live.tell(replace(town(), time_s=live.now_s() + 60))
        for seen, date in ((one, "Saturday, 21 November"), (other, "субота, 21 листопада")):
            await expect(seen.page.locator(".clock-time")).to_have_text("14:33:07")
            await expect(seen.page.locator(".clock-date")).to_have_text(date)


async def test_routes_of_the_application_stay_and_a_wrong_address_is_a_plain_404(serve: Serve) -> None:
    async with serve(HandMadeLive(town())) as address:
        assert (await asyncio.to_thread(ask, f"{address}/openapi.json"))[0] == 200
        status, kind, body = await asyncio.to_thread(ask, f"{address}/api/v1/nothing")
        assert (status, kind, body) == (404, "application/json", b'{"detail":"Not Found"}')
        status, _, _ = await asyncio.to_thread(ask, f"{address}/web/plan/0000.json")
        assert status == 404


def test_the_page_adds_nothing_to_the_applications_openapi() -> None:
    app = FastAPI()
    mount(app, HandMadeLive(town()))
    assert app.openapi()["paths"] == {}


async def test_a_town_that_cannot_be_looked_at_stops_neither_server_nor_page(serve: Serve, visit: Open) -> None:
    live = HandMadeLive(town())
    with capture_logs() as told:
        async with serve(live) as address, visit(address) as seen:
            live.fails = True
            await until(lambda: "the page could not look at the town" in [one["event"] for one in told])
            live.fails = False
            live.tell(replace(town(), time_s=live.now_s() + 5))
            await expect(seen.page.locator(".clock-time")).to_have_text("14:32:12")
