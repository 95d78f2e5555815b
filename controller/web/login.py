"""The door as a person sees it: name, password, and the code of the second step when the login asks for one.

Never checks anything: static/page.js sends what was typed to the API. Plain HTML, for without a login there is no page.
Specification: controller/access/README.md, "To plug in"; controller/web/README.md, "Pages".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from controller.web.desk import Desk
from controller.web.wording import Words

PAGE = """<!doctype html>
<html lang="{language}">
<head><meta charset="utf-8"><title>{title}</title><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/favicon.ico">{head}</head>
<body class="door"><main class="panel door-panel" id="content">
<h1><span class="brand-mark" aria-hidden="true"></span>{product}</h1>
{body}
<nav class="switch languages" aria-label="{language_label}">{languages}</nav>
</main></body></html>
"""
FORM = """<form data-login>
<label>{name}<input name="name" autocomplete="username" autocapitalize="none" required autofocus></label>
<label>{password}<input name="password" type="password" autocomplete="current-password" required></label>
<label data-code hidden>{code}<input name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="8"></label>
<p class="door-refusal" role="alert" data-refusal
 data-wrong="{wrong}" data-needed="{needed}" data-many="{too_many}" data-failed="{failed}"></p>
<button class="button" type="submit">{enter}</button>
</form>"""


def add_login(
    app: FastAPI, desk: Desk, languages: Iterable[Words], words_for: Callable[[Request], Words], head: str
) -> None:
    """Add the page; `head` is every page's own: look and script."""

    @app.get("/login", include_in_schema=False)
    async def login(request: Request) -> HTMLResponse:
        words = words_for(request)

        def say(key: str) -> str:
            return escape(words.say(key))

        if desk.has_people():
            keys = ("name", "password", "code", "wrong", "needed", "too_many", "failed", "enter")
            body = FORM.format_map({key: say(f"login.{key}") for key in keys})
        else:
            command = "vuzol user add NAME --role administrator"
            body = f"<p>{say('login.nobody')}</p><p><code>{command}</code></p><p>{say('login.then')}</p>"
        links = "".join(
            f'<a href="?lang={one.language}" lang="{one.language}" hreflang="{one.language}" data-with-choices=""'
            f"{' aria-current=true' if one is words else ''}>{escape(one.say('language.short'))}</a>"
            for one in languages
        )
        page = PAGE.format(
            language=words.language,
            title=say("login.title"),
            head=head,
            product=say("product"),
            body=body,
            language_label=say("header.language"),
            languages=links,
        )
        return HTMLResponse(page, headers={"Cache-Control": "no-store"})
