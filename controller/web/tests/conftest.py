"""The page under test: a real server in the test's own loop, and Debian's Chromium looking at it.

Never starts a controller; tests say what is true through town.HandMadeLive.
Specification: controller/web/README.md; Playwright's Python API.
"""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from controller.access.audit import Note
from controller.access.guard import Guard
from controller.access.open_door import OpenDoor
from controller.web import mount
from controller.web.desk import Desk
from controller.web.language import MESSAGES
from controller.web.tests.desk import desk_in
from controller.web.tests.town import HandMadeLive

CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = (1440, 900)


@dataclass
class Visit:
    """One browser page, and what it said and asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def hear(self, said: ConsoleMessage) -> None:
        """The console."""
        if said.type in ("error", "warning"):
            self.complaints.append(said.text)


Serve = Callable[..., AbstractAsyncContextManager[str]]
Open = Callable[..., AbstractAsyncContextManager[Visit]]


@asynccontextmanager
async def serving(
    live: HandMadeLive, desk: Desk | None = None, *, port: int = 0, messages: Path = MESSAGES
) -> AsyncIterator[str]:
    """The address of a server that runs as the controller runs its own: guarded, in a TaskGroup, stopped by a flag."""
    app = FastAPI()
    mount(app, live, desk, messages=messages)
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(("127.0.0.1", port))
    guarded = Guard(app, OpenDoor("demo", _forget), 1 << 20)
    config = uvicorn.Config(guarded, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    async with contextlib.AsyncExitStack() as closing:
        closing.enter_context(contextlib.closing(door))
        tasks = await closing.enter_async_context(asyncio.TaskGroup())
        running = tasks.create_task(server.serve(sockets=[door]))
        while not server.started:
            assert not running.done(), "the server did not start"
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True


async def _forget(_: Note) -> None:
    """No audit here."""


@pytest.fixture
def serve() -> Serve:
    """`async with serve(live) as address`."""
    return serving


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """What the pages may ask, with people in it."""
    with desk_in(tmp_path) as made:
        yield made


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A real browser."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is missing; type: apt-get install -y chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield browser
        await browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Open:
    """`async with visit(address) as seen`: at the end nothing was complained of and nothing asked of another host."""

    @asynccontextmanager
    async def opened(
        address: str,
        path: str = "/?lang=en",
        *,
        size: tuple[int, int] = DESKTOP,
        locale: str = "en-GB",
        theme: str = "light",
        calm: bool = True,
    ) -> AsyncIterator[Visit]:
        context = await chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=locale,
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        page = await context.new_page()
        seen = Visit(page)
        page.on("console", seen.hear)
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("request", lambda request: seen.addresses.append(request.url))
        page.on("websocket", lambda opened: seen.addresses.append(opened.url))
        page.set_default_timeout(10_000)
        await page.goto(address + path)
        await page.wait_for_selector("#content", state="attached")
        try:
            yield seen
        finally:
            await context.close()
        foreign = [
            url for url in seen.addresses if not url.startswith((address, address.replace("http", "ws", 1), "data:"))
        ]
        assert not foreign, f"asked of another host: {foreign}"
        assert seen.complaints == [] or not calm

    return opened
