"""The guard in front of the whole application: HTTP, websockets, the page. It lets through what the table allows.

Never knows a password and never looks into an answer. What it cannot place, it refuses.
Specification: README.md beside this file, "The guard"; ASGI 3; RFC 6454 (Origin), RFC 6455 (websocket).
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitResponder
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.access.actor import Actor, Caller
from controller.access.audit import Account, Result, accounting
from controller.access.refused import Refused
from controller.access.table import FILES, PUBLIC, actions_of, is_noted, may

LOGIN_PAGE = "/login"
MAX_BODY_BYTES = 256 << 10  # of a request that brings no file
SAFE = ("GET", "HEAD")
NOBODY, FORBIDDEN, UNKNOWN, TOO_MANY = 401, 403, 404, 429
POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "content-security-policy": "frame-ancestors 'none'",
}

log = structlog.get_logger("access")


class Door(Protocol):
    """Who says who somebody is."""

    def caller(self, headers: Headers) -> Caller | None:
        """Whoever sent these headers; None: nobody that is known."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One request, or one socket's opening: what it would do, and who asks."""

    scope: Scope
    method: str
    headers: Headers
    actions: frozenset[str]
    caller: Caller | None
    actor: Actor | None

    def check(self) -> None:
        """Raises Refused."""
        origin = self.headers.get("origin")
        if self.method not in SAFE and origin is not None and origin.partition("://")[2] != self.headers.get("host"):
            raise Refused(FORBIDDEN, "the request comes from another site's page")
        if self.actions == {PUBLIC}:
            return
        if self.caller is None or self.actor is None:
            raise Refused(NOBODY, "log in, or send a token")
        if not self.actions:
            raise Refused(UNKNOWN, "Not Found")
        if not self.caller.allow():
            raise Refused(TOO_MANY, "too many requests: wait a second")
        for action in self.actions:
            if not may(self.actor, action):
                raise Refused(FORBIDDEN, f"{self.actor.name} may not do this: it takes {action}")

    async def keep(self, account: Account, result: Result) -> None:
        """Note it. Raises sqlite3.Error."""
        if self.caller and self.actor:
            for action in sorted(self.actions):
                if is_noted(action) or result == "refused":
                    await self.caller.note(account.note(self.actor, action, result))

    def refusal(self, refused: Refused) -> Response:
        """The answer to somebody who is not let through: a person who opens a page may log in."""
        path = self.scope["path"]
        if refused.status == NOBODY and self.method == "GET" and "text/html" in self.headers.get("accept", ""):
            return RedirectResponse(f"{LOGIN_PAGE}?next={quote(path)}", 303, HEADERS)
        more = {NOBODY: {"www-authenticate": "Bearer"}, TOO_MANY: {"retry-after": "1"}}.get(refused.status, {})
        return JSONResponse({"detail": str(refused)}, refused.status, HEADERS | more)


class Guard:
    """An ASGI application around `app`."""

    def __init__(self, app: ASGIApp, door: Door, max_upload_bytes: int) -> None:
        self.app = app
        self._door = door
        self._max_upload_bytes = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        call = self._call(scope)
        scope.setdefault("state", {}).update(caller=call.caller, actor=call.actor)
        try:
            call.check()
        except Refused as refused:
            log.info("refused", path=scope["path"], status=refused.status, actor=call.actor and call.actor.name)
            if refused.status == FORBIDDEN:
                await call.keep(Account(scope["path"]), "refused")
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            else:
                await call.refusal(refused)(scope, receive, send)
            return
        await (self._socket if scope["type"] == "websocket" else self._request)(call, receive, send)

    def _call(self, scope: Scope) -> _Call:
        headers = Headers(scope=scope)
        method = scope.get("method", "WEBSOCKET")
        caller = self._door.caller(headers)
        return _Call(
            scope, method, headers, actions_of(method, scope["path"]), caller, caller.still() if caller else None
        )

    async def _request(self, call: _Call, receive: Receive, send: Send) -> None:
        """What changes something is in the audit before its answer leaves."""
        is_kept = True

        async def answer(message: Message) -> None:
            nonlocal is_kept
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
                try:
                    await call.keep(account, _result(message["status"]))
                except sqlite3.Error as error:
                    is_kept = False
                    log.error("the audit cannot be written", error=str(error))
                    detail = "done or not, the audit cannot be written: see the controller's log and disk"
                    await JSONResponse({"detail": detail}, 503)(call.scope, receive, send)
            if is_kept:
                await send(message)

        with accounting(call.scope["path"]) as account:
            limit = self._max_upload_bytes if call.actions & FILES else MAX_BODY_BYTES
            await RequestBodyLimitResponder(self.app, limit)(call.scope, receive, answer)

    async def _socket(self, call: _Call, receive: Receive, send: Send) -> None:
        """A socket ends with its login: the browser answers a ping every few seconds, and every answer is a look."""

        async def hear() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and (call.caller is None or call.caller.still() is None):
                await send({"type": "websocket.close", "code": POLICY_VIOLATION})
                return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}
            return message

        await self.app(call.scope, hear, send)


def _result(status: int) -> Result:
    if status < 400:
        return "done"
    return "refused" if status in (NOBODY, FORBIDDEN, TOO_MANY) else "failed"
