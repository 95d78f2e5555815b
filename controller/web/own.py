"""One's own password and second factor, for who is logged in: plain HTML, as the door is.

Never checks anything and never sees a secret: static/page.js sends what was typed to the API.
Specification: controller/access/README.md, "Logins"; controller/web/README.md, "Pages".
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from controller.web.wording import Words

PAGE = """<!doctype html>
<html lang="{language}">
<head><meta charset="utf-8"><title>{title}</title><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/favicon.ico">{head}</head>
<body class="door"><main class="panel door-panel" id="content">
<h1><span class="brand-mark" aria-hidden="true"></span>{name}</h1>
<h2>{password_title}</h2>
<form data-own="/api/v1/me/password">
<label>{password}<input name="password" type="password" autocomplete="current-password" required></label>
<label>{new}<input name="new" type="password" autocomplete="new-password" minlength="12" required></label>
<p class="door-refusal" role="alert" data-refusal
 data-done="{password_done}" data-s401="{wrong}" data-s422="{weak}" data-s429="{too_many}" data-failed="{failed}"></p>
<button class="button" type="submit">{change}</button>
</form>
<h2>{factor_title}</h2>
<p>{factor_how}</p>
<button class="button" type="button" data-enrol>{enrol}</button>
<form data-own="/api/v1/me/totp" hidden>
<div data-drawing></div><p><code data-secret></code></p><input name="secret" type="hidden">
<label>{password}<input name="password" type="password" autocomplete="current-password" required></label>
<label>{code}<input name="code" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9]{{6}}" required></label>
<p class="door-refusal" role="alert" data-refusal
 data-done="{factor_done}" data-s401="{wrong}" data-s422="{wrong_code}" data-s429="{too_many}"
 data-failed="{failed}"></p>
<button class="button" type="submit">{turn_on}</button>
</form>
<p><a href="/">{back}</a></p>
</main></body></html>
"""
OWN = (
    "title", "password_title", "password", "new", "password_done", "weak", "change", "wrong", "factor_title",
    "factor_how", "enrol", "factor_done", "wrong_code", "turn_on", "back",
)  # fmt: skip
OF_THE_DOOR = ("code", "too_many", "failed")


def add_own(app: FastAPI, words_for: Callable[[Request], Words], head: str) -> None:
    """Add the page; `head` is every page's own: look and script."""

    @app.get("/me", include_in_schema=False)
    async def own(request: Request) -> HTMLResponse:
        words = words_for(request)
        told = {key: escape(words.say(f"own.{key}")) for key in OWN}
        told |= {key: escape(words.say(f"login.{key}")) for key in OF_THE_DOOR}
        page = PAGE.format(language=words.language, head=head, name=escape(request.state.actor.name), **told)
        return HTMLResponse(page, headers={"Cache-Control": "no-store"})
