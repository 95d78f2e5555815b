"""The guard of the page's events: every handler names its action, and who sent the event is asked at every one.

Never lets an event through whose handler names none, whose socket is not of the page's login, or whose login ended.
Specification: README.md beside this file, "Events"; NiceGUI 3, nicegui.py (socket.io's messages), ui.element.on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import structlog
from nicegui import Client, core, helpers
from nicegui.events import GenericEventArguments
from socketio import exceptions as refusals

from controller.access.actor import Caller, caller_of
from controller.access.audit import accounting
from controller.access.table import ACTIONS, is_noted, may

log = structlog.get_logger("access")
_MARK = "vuzol_action"


def guarded(action: str, handler: Callable[..., Any]) -> Callable[[GenericEventArguments], Any]:
    """`handler`, for `element.on(…)`: it runs while the page's login lasts and may do `action`, and is noted.

    Raises KeyError for an action that does not stand in the table.
    """
    ACTIONS[action]  # a page with a wrong word is not built
    takes_event = helpers.expects_arguments(handler)

    async def run(event: GenericEventArguments) -> None:
        caller = _caller(event.client)
        actor = caller.still() if caller else None
        if caller is None or actor is None:
            log.warning("an event came after its login had ended", action=action)
            return
        if not caller.allow():
            log.warning("too many events", actor=actor.name, action=action)
            return
        with accounting(event.client.page.path) as account:
            if not may(actor, action):
                log.warning("an event was refused", actor=actor.name, action=action)
                await caller.note(account.note(actor, action, "refused"))
                return
            try:
                result = handler(event) if takes_event else handler()
                if helpers.should_await(result):
                    await result
            except Exception:
                await caller.note(account.note(actor, action, "failed"))
                raise
            if is_noted(action):
                await caller.note(account.note(actor, action, "done"))

    setattr(run, _MARK, action)
    return run


def guard_sockets() -> None:
    """Put the guard before NiceGUI's own handlers of socket.io's messages; once a process."""
    handlers = core.sio.handlers["/"]
    for name in ("connect", "handshake", "event", "javascript_response", "ack", "log"):
        if not hasattr(handlers[name], _MARK):
            handlers[name] = _guarded_message(name, handlers[name])


def _guarded_message(name: str, inner: Callable[..., Any]) -> Callable[..., Any]:
    async def message(sid: str, data: Any = None, *more: Any) -> Any:
        try:
            refusal = _refusal(name, sid, data)
        except (KeyError, TypeError, AttributeError, ValueError):
            refusal = "it makes no sense"
        if refusal:
            log.warning("a socket's message was refused", message=name, reason=refusal)
            if name == "connect":  # these words make the browser load the page anew
                raise refusals.ConnectionRefusedError("Implicit handshake failed")
            return False
        result = inner(sid, data, *more)
        return await result if helpers.should_await(result) else result

    setattr(message, _MARK, name)
    return message


def _refusal(name: str, sid: str, data: Any) -> str:
    """Why this message is not let through; empty: it is. Connect and handshake bind a socket to a page."""
    socket = caller_of((core.sio.get_environ(sid) or {})["asgi.scope"]["state"])
    if socket is None or socket.still() is None:
        return "no login"
    if name in ("connect", "handshake"):
        asked = parse_qs(data["QUERY_STRING"]).get("client_id", [""])[0] if name == "connect" else data["client_id"]
        client = Client.instances.get(asked)
        caller = _caller(client) if client else None
        return "the page is not of this login" if caller and caller.key != socket.key else ""
    if data["client_id"] not in core.sio.rooms(sid):
        return "the page is not of this socket"
    if name == "event":
        element = Client.instances[data["client_id"]].elements.get(data["id"])
        if element is not None and not hasattr(element._event_listeners[data["listener_id"]].handler, _MARK):
            return "its handler names no action: wrap it in guarded()"
    return ""


def _caller(client: Client) -> Caller | None:
    return caller_of(client.request.state)
