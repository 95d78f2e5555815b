"""Puts the console on the controller's web application: its pages, its files, its timer, for as long as that runs.

Never starts a server and never decides who may read: the guard in front does (controller/access).
Specification: controller/web/README.md; NiceGUI 3, ui.run_with.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from nicegui import Client, core, ui
from starlette.staticfiles import StaticFiles

from controller.web.address import Address
from controller.web.desk import Desk
from controller.web.export import add_exports
from controller.web.language import MESSAGES, preferred_language, read_catalogues
from controller.web.login import add_login
from controller.web.own import add_own
from controller.web.page import ConsolePage
from controller.web.pages import PageRow, pages_of
from controller.web.pulse import LiveTown, Pulse
from controller.web.town_plan import PLAN_PATH
from controller.web.visit import Visit
from controller.web.wording import Words

STATIC = Path(__file__).parent / "static"
LANGUAGE_COOKIE = "vuzol_language"  # page.js keeps what a reader chose
LANGUAGE_CHOICE = "lang"
FOR_EVER = "public, max-age=31536000, immutable"
RECONNECT_S = 15.0  # a telephone in a pocket or a tunnel finds its page again
QUASAR_LANGUAGES: dict[str, Literal["uk", "en-GB"]] = {"uk": "uk", "en": "en-GB"}


def mount(
    app: FastAPI,
    live: LiveTown,
    desk: Desk | None = None,
    *,
    timezone: str = "Europe/Kyiv",
    messages: Path = MESSAGES,
) -> None:
    """Add the pages. Call it after every other route: what no route took is NiceGUI's from here on.

    `desk` is what the pages may ask beside the town, `timezone` the town's (IANA name), `messages` the folder of the
    catalogues. A process has one NiceGUI: mounting again is for the next application, after the one before has stopped.
    """
    catalogues = read_catalogues(messages)
    zone = ZoneInfo(timezone)
    words = {language: Words(catalogue, zone) for language, catalogue in catalogues.items()}
    console = _Console(desk or Desk(), words, Pulse(live, words), _serve_files(app))
    _serve_plan(app, console.pulse)
    add_exports(app, console.pulse, console.desk, console.words_for)
    add_login(app, console.desk, words.values(), console.words_for, console.head)
    add_own(app, console.words_for, console.head)
    _beat_while_running(app, console.pulse)
    _make_nicegui_ready()
    for row in pages_of(console.desk):
        ui.page(row.path)(console.opens(row))
    ui.run_with(
        app,
        favicon=STATIC / "favicon.svg",
        dark=None,
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_S,
        show_welcome_message=False,
    )


class _Console:
    """What all pages of one application have in common."""

    def __init__(self, desk: Desk, words: dict[str, Words], pulse: Pulse, files: str) -> None:
        self.desk = desk
        self.pulse = pulse
        self.head = "".join(
            f'<link rel="stylesheet" href="{files}/{sheet.name}">' for sheet in sorted(STATIC.glob("*.css"))
        )
        self.head += f'<script src="{files}/page.js"></script>'
        self._words = words
        self._looks = {language: ui.page("/", language=QUASAR_LANGUAGES[language]) for language in words}

    def words_for(self, request: Request) -> Words:
        """The words of the reader's language."""
        kept = request.cookies.get(LANGUAGE_COOKIE)
        asked = request.query_params.get(LANGUAGE_CHOICE)
        return self._words[preferred_language(asked, kept, request.headers.get("accept-language", ""))]

    def opens(self, row: PageRow) -> Callable[..., None]:
        """The function that builds this page for whoever opens it."""

        def build(request: Request, client: Client) -> None:
            words = self.words_for(request)
            client.page = self._looks[words.language]  # sets <html lang> and Quasar's own words
            ui.add_head_html(self.head)
            chosen = {name: value for name, value in request.query_params.items() if name != LANGUAGE_CHOICE}
            address = Address(request.url.path, chosen, next(iter(request.path_params.values()), ""))
            visit = Visit(words, request.state.actor, address, self.desk)
            page = ConsolePage(row, visit, list(self._words.values()), self.pulse.moment())
            client.on_connect(lambda: self.pulse.join(page))
            client.on_disconnect(lambda: self.pulse.leave(page))

        return build


def _serve_plan(app: FastAPI, pulse: Pulse) -> None:
    async def plan(name: str) -> Response:  # async: a moment is taken on the loop, never in a thread
        drawn = pulse.moment().plan
        if drawn.name != name:
            raise HTTPException(404)
        return Response(drawn.body, media_type="application/json", headers={"Cache-Control": FOR_EVER})

    app.get(f"{PLAN_PATH}/{{name}}.json", include_in_schema=False)(plan)


class _KeptFiles(StaticFiles):
    """Files whose address changes with their content, so that a browser asks for each once."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = FOR_EVER
        return response


def _serve_files(app: FastAPI) -> str:
    content = b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))
    address = f"/web/{hashlib.sha256(content).hexdigest()[:16]}"
    app.mount(address, _KeptFiles(directory=STATIC))
    return address


def _beat_while_running(app: FastAPI, pulse: Pulse) -> None:
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[object]:
        async with inner(running) as state, pulse.running():
            yield state

    app.router.lifespan_context = lifespan  # type: ignore[assignment]


def _make_nicegui_ready() -> None:
    """NiceGUI's application is a global that takes no middleware once it has run, and keeps its old pages."""
    for client in list(Client.instances.values()):
        client.delete()
    core.app.middleware_stack = None
    core.app.user_middleware.clear()
    core.app.add_exception_handler(404, _not_found)


async def _not_found(_: Request, refusal: Exception) -> Response:
    """NiceGUI would build a whole page for every wrong address, in English."""
    return JSONResponse({"detail": getattr(refusal, "detail", "Not Found")}, 404)
