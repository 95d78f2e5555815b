"""The authorisation table: who may do what, and which route does what. What does not stand here is refused.

Never decides by anything but a role, a token's scopes and the row. Events of the page name their action themselves.
Specification: README.md beside this file; tests/test_table.py tries every cell against the running application.
"""

from __future__ import annotations

import re
from importlib.metadata import version

from starlette.routing import compile_path

from controller.access.actor import EVERY_ROLE, Actor

_TECHNICIAN = frozenset({"technician", "administrator"})
_DISPATCHER = frozenset({"dispatcher", "administrator"})
_BOOKS = frozenset({"technician", "dispatcher", "analyst", "administrator", "auditor"})
_NUMBERS = frozenset({"analyst", "administrator", "auditor"})
_ADMINISTRATOR = frozenset({"administrator"})

# Action -> the roles that may. What ends in .see only looks: it is not noted in the audit.
ACTIONS: dict[str, frozenset[str]] = {
    "town.see": EVERY_ROLE,
    "self.see": EVERY_ROLE,
    "self.change": EVERY_ROLE,
    "ledger.see": _BOOKS,
    "metrics.see": _BOOKS,
    "data.export": _NUMBERS,
    "feed.import": _DISPATCHER,
    "documents.see": EVERY_ROLE,
    "documents.publish": _TECHNICIAN,
    "records.import": _TECHNICIAN,
    "alarms.see": _BOOKS,
    "alarms.handle": _TECHNICIAN | _DISPATCHER,
    "meters.enter": _TECHNICIAN | {"analyst"},
    "readings.push": _TECHNICIAN | {"analyst"},
    "updates.see": _BOOKS,
    "updates.publish": _TECHNICIAN,
    "updates.confirm": _TECHNICIAN,
    "commissioning.report": _TECHNICIAN,
    "jobs.see": _TECHNICIAN,
    "jobs.fetch": _TECHNICIAN,  # noted: who took the sealed bytes
    "jobs.send": _TECHNICIAN,
    "proposals.see": EVERY_ROLE,
    "proposals.decide": EVERY_ROLE,  # each proposal names the action that its confirmation needs
    "people.see": frozenset({"administrator", "auditor"}),
    "people.manage": _ADMINISTRATOR,
    "tokens.see": frozenset({"administrator", "auditor"}),
    "tokens.manage": _ADMINISTRATOR,
    "audit.see": frozenset({"administrator", "auditor"}),
}
UNNOTED = frozenset({"readings.push"})  # what it brings is stored with its source
# Their requests may bring a file, up to http.max_upload_mb.
FILES = frozenset(
    {"feed.import", "records.import", "documents.publish", "updates.publish", "meters.enter", "readings.push"}
)

PUBLIC = "public"
_NICEGUI = f"/_nicegui/{version('nicegui')}"  # files only; what NiceGUI adds outside of this folder is refused

# "METHOD path" -> action. HEAD goes as GET; WEBSOCKET is a socket's opening.
ROUTES: dict[str, str] = {
    "GET /healthz": PUBLIC,
    "GET /login": PUBLIC,
    "POST /api/v1/login": PUBLIC,
    "GET /favicon.ico": PUBLIC,
    "GET /web/{folder}/{file:path}": PUBLIC,
    f"GET {_NICEGUI}/static/{{file:path}}": PUBLIC,
    f"GET {_NICEGUI}/libraries/{{file:path}}": PUBLIC,
    f"GET {_NICEGUI}/components/{{file:path}}": PUBLIC,
    f"GET {_NICEGUI}/resources/{{file:path}}": PUBLIC,
    f"GET {_NICEGUI}/esm/{{file:path}}": PUBLIC,
    # pages
    "WEBSOCKET /_nicegui_ws/socket.io/": "town.see",
    "GET /": "town.see",
    "GET /map": "town.see",
    "GET /fleet": "town.see",
    "GET /fleet/{node}": "town.see",
    "GET /fleet.csv": "town.see",
    "GET /displays": "town.see",
    "GET /meters": "town.see",
    "GET /buildings": "town.see",
    "GET /buildings.csv": "town.see",
    "GET /buildings/{account}": "town.see",
    "GET /buildings/{account}.csv": "town.see",
    "GET /updates": "updates.see",
    "GET /alarms": "alarms.see",
    "GET /alarms.csv": "alarms.see",
    "GET /ledger": "ledger.see",
    "GET /ledger.csv": "ledger.see",
    "GET /audit": "audit.see",
    "GET /audit.csv": "audit.see",
    "GET /people": "people.see",
    "GET /me": "self.see",
    "GET /web/plan/{name}.json": "town.see",
    # access
    "POST /api/v1/logout": "self.change",
    "GET /api/v1/me": "self.see",
    "PUT /api/v1/me/password": "self.change",
    "GET /api/v1/me/totp": "self.see",
    "PUT /api/v1/me/totp": "self.change",
    "GET /api/v1/users": "people.see",
    "POST /api/v1/users": "people.manage",
    "PATCH /api/v1/users/{name}": "people.manage",
    "DELETE /api/v1/users/{name}": "people.manage",
    "DELETE /api/v1/users/{name}/logins": "people.manage",
    "GET /api/v1/tokens": "tokens.see",
    "POST /api/v1/tokens": "tokens.manage",
    "DELETE /api/v1/tokens/{number}": "tokens.manage",
    "GET /api/v1/audit": "audit.see",
    "GET /api/v1/audit/verify": "audit.see",
    "GET /api/v1/proposals": "proposals.see",
    "POST /api/v1/proposals/{number}/confirm": "proposals.decide",
    "POST /api/v1/proposals/{number}/refuse": "proposals.decide",
    # API
    "GET /api/docs": "town.see",
    "GET /docs/oauth2-redirect": "town.see",
    "GET /openapi.json": "town.see",
    "GET /metrics": "metrics.see",
    "GET /api/v1/town": "town.see",
    "GET /api/v1/vehicles": "town.see",
    "GET /api/v1/stops/{stop_id}/arrivals": "town.see",
    "GET /api/v1/nodes": "town.see",
    "GET /api/v1/nodes/{node}": "town.see",
    "GET /api/v1/nodes/{node}/picture.png": "town.see",
    "GET /api/v1/nodes/{node}/records": "ledger.see",
    "GET /api/v1/ledger": "ledger.see",
    "PUT /api/v1/import": "records.import",
    "GET /api/v1/commissioning": "ledger.see",
    "PUT /api/v1/commissioning": "commissioning.report",
    "GET /api/v1/jobs": "jobs.see",
    "GET /api/v1/jobs/{job}": "jobs.fetch",
    "PUT /api/v1/jobs": "jobs.send",
    "DELETE /api/v1/jobs/{job}": "jobs.send",
    "GET /api/v1/documents": "documents.see",
    "PUT /api/v1/documents/{type_name}": "documents.publish",
    "GET /api/v1/updates": "updates.see",
    "GET /api/v1/updates/{version}": "updates.see",
    "PUT /api/v1/updates": "updates.publish",
    "POST /api/v1/updates/{version}": "updates.publish",
    "GET /api/v1/feed": "town.see",
    "PUT /api/v1/feed": "feed.import",
    "GET /api/v1/air": "town.see",
    "GET /api/v1/air/channels": "town.see",
    "GET /api/v1/air/{node}/samples": "town.see",
    "GET /api/v1/air/{node}/archive": "town.see",
    "GET /api/v1/meters": "town.see",
    "GET /api/v1/meters/{node}/readings": "town.see",
    "GET /api/v1/meters/{node}/epochs": "town.see",
    "GET /api/v1/meters/{node}/found": "town.see",
    "POST /api/v1/meters/{node}/search": "meters.enter",
    "GET /api/v1/points": "town.see",
    "GET /api/v1/points/{number}/readings": "town.see",
    "GET /api/v1/points/{number}/consumption": "town.see",
    "GET /api/v1/series": "town.see",
    "POST /api/v1/points/meters": "meters.enter",
    "POST /api/v1/points/readings": "meters.enter",
    "PUT /api/v1/points/file": "meters.enter",
    "GET /api/v1/push/devices": "town.see",
    "PUT /api/v1/push/devices": "meters.enter",
    "POST /api/v1/push/samples": "readings.push",
    "POST /api/v1/push/readings": "readings.push",
    "GET /api/v1/export/{name}/columns": "data.export",
    "GET /api/v1/export/{name}.{form}": "data.export",
    "GET /api/v1/alarms": "alarms.see",
    "GET /api/v1/alarms/history": "alarms.see",
    "GET /api/v1/alarms/{number}": "alarms.see",
    "POST /api/v1/alarms/{number}": "alarms.handle",
    "GET /api/v1/buses": "town.see",
    "GET /api/v1/devices": "town.see",
    "GET /api/v1/devices/{name}/samples": "town.see",
}


def may(actor: Actor, action: str) -> bool:
    """Whether this actor may do this. Raises KeyError for an action that does not stand in the table."""
    return bool(actor.roles & ACTIONS[action]) and (actor.scopes is None or action in actor.scopes)


def is_noted(action: str) -> bool:
    """Whether the audit keeps it."""
    return action != PUBLIC and not action.endswith(".see") and action not in UNNOTED


_ROWS = [(*row.split(" ", 1), action) for row, action in ROUTES.items()]
_PATTERNS: list[tuple[str, re.Pattern[str], str]] = [
    (method, compile_path(path)[0], action) for method, path, action in _ROWS
]


def actions_of(method: str, path: str) -> frozenset[str]:
    """What a request does; of several rows that fit every one has to allow it. Empty: it is not in the table."""
    method = "GET" if method == "HEAD" else method
    found = {action for one, pattern, action in _PATTERNS if one == method and pattern.match(path)}
    return frozenset(found - {PUBLIC} or found)
