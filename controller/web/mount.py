"""Puts the page on the controller's web application: its route, its files, its timer, for as long as that runs.

Never starts a server and never knows the controller; it is handed the application and something live to look at.
Specification: controller/web/README.md; NiceGUI 3, ui.run_with.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from nicegui import Client, core, ui
from starlette.staticfiles import StaticFiles

from controller.web.language import MESSAGES, preferred_language, read_catalogues
from controller.web.page import TownPage
from controller.web.panels.chart import Past
from controller.web.pulse import LiveTown, Pulse
from controller.web.town_plan import PLAN_PATH
from controller.web.wording import Words

STATIC = Path(__file__).parent / "static"
LANGUAGE_COOKIE = "vuzol_language"  # page.js keeps what a reader chose
FOR_EVER = "public, max-age=31536000, immutable"
RECONNECT_S = 5.0
QUASAR_LANGUAGES: dict[str, Literal["uk", "en-GB"]] = {"uk": "uk", "en": "en-GB"}


def mount(
    app: FastAPI,
    live: LiveTown,
    *,
    past: Past | None = None,
    timezone: str = "Europe/Kyiv",
    messages: Path = MESSAGES,
) -> None:
    """Add the page at "/". Call it after every other route: what no route took is NiceGUI's from here on.

    `past` is for charts, `timezone` the town's (IANA name), `messages` the folder of the catalogues. A process has
    one NiceGUI: mounting again is for the next application, after the one before has stopped.
    """
    catalogues = read_catalogues(messages)
    zone = ZoneInfo(timezone)
    words = {language: Words(catalogue, zone) for language, catalogue in catalogues.items()}
    pulse = Pulse(live, words)
    _serve_plan(app, pulse)
    files = _serve_files(app)
    _beat_while_running(app, pulse)
    _make_nicegui_ready()
    pages = {language: ui.page("/", language=QUASAR_LANGUAGES[language]) for language in catalogues}

    def town(request: Request, client: Client, lang: str | None = None) -> None:
        kept = request.cookies.get(LANGUAGE_COOKIE)
        language = preferred_language(lang, kept, request.headers.get("accept-language", ""))
        client.page = pages[language]  # sets <html lang> and Quasar's own words
        ui.add_head_html(f'<link rel="stylesheet" href="{files}/page.css"><script src="{files}/page.js"></script>')
        page = TownPage(words[language], catalogues, pulse.moment(), past)
        client.on_connect(lambda: pulse.join(page))
        client.on_disconnect(lambda: pulse.leave(page))

    pages[next(iter(pages))](town)
    ui.run_with(
        app,
        favicon=STATIC / "favicon.svg",
        dark=None,
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_S,
        show_welcome_message=False,
    )


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
