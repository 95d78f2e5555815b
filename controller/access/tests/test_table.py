"""The authorisation table against the running application: no route without a row, and every cell tried.

Specification: access/table.py. What a route answers whom it lets in is other tests' business; here, whether it does.
"""

import re
from typing import Any

import pytest
import websockets
from fastapi.routing import APIRoute
from nicegui import core
from starlette.routing import Mount, Route

from controller.access.actor import ROLES
from controller.access.table import ACTIONS, PUBLIC, ROUTES, actions_of
from controller.access.tests.running import House

NOBODY = "nobody"
FILES = re.compile(r"/_nicegui|/web/|/favicon\.ico")


def rows(routes: list[Any]) -> set[str]:
    """ "METHOD path" of every route, of mounted applications too."""
    found: set[str] = set()
    for route in routes:
        if isinstance(route, Mount):
            found |= {row.replace(" ", f" {route.path}", 1) for row in rows(route.routes or [])}
        elif isinstance(route, APIRoute | Route):
            found |= {f"{method} {route.path}" for method in (route.methods or ()) if method != "HEAD"}
    return found


async def test_every_route_has_its_row_and_every_row_its_route(house: House) -> None:
    app: Any = house.guard.app
    served = rows([route for route in app.routes if not (isinstance(route, Mount) and route.app is core.app)])
    served |= rows(list(core.app.routes))
    served = {row for row in served if not FILES.match(row.split(" ")[1])}
    table = {row for row in ROUTES if not FILES.match(row.split(" ")[1])} | {"GET /web/plan/{name}.json"}
    assert served - table == set(), "no row: refused to everybody"
    assert table - served - {"GET /web/plan/{name}.json"} == set(), "a row without a route"


async def test_what_nicegui_adds_is_refused_but_its_files(house: House) -> None:
    for path in ("/_nicegui/auto/static/x/y", "/_nicegui/client/1/upload/2", "/_nicegui/3/dynamic_resources/x"):
        assert actions_of("GET", path) == actions_of("POST", path) == frozenset()


@pytest.mark.parametrize("row", [row for row in ROUTES if not row.startswith("WEBSOCKET")])
def test_the_action_of_a_row_is_one_of_the_table(row: str) -> None:
    assert ROUTES[row] == PUBLIC or ROUTES[row] in ACTIONS


async def test_every_role_gets_through_where_the_table_says_so_and_nowhere_else(house: House) -> None:
    """The whole table, cell by cell, with a token of each role that has every scope, and with none."""
    headers: dict[str, dict[str, str]] = {NOBODY: {}}
    for role in ROLES:
        _, secret = await house.access.write(house.access.tokens.add, role, "table", ACTIONS, 1)
        headers[role] = {"Authorization": f"Bearer {secret}"}
    tried = 0
    wrong: list[str] = []
    async with house.asking_within() as client:
        for row, action in ROUTES.items():
            method, template = row.split(" ", 1)
            if method == "WEBSOCKET":
                continue
            path = re.sub(r"\{[^}]*\}", "0", template)
            for role in (*ROLES, NOBODY):
                answer = await client.request(method, path, headers=headers[role])
                status, is_refused = answer.status_code, f"it takes {action}" in answer.text
                if action == PUBLIC or role in ACTIONS[action]:
                    fits = status < 500 and not is_refused and (status != 401 or action == PUBLIC)
                else:
                    fits = status == 401 if role == NOBODY else status == 403 and is_refused
                if not fits:
                    wrong.append(f"{row} as {role}: {status} {answer.text[:80]}")
                tried += 1
    assert wrong == []
    assert tried == (len(ROUTES) - 1) * (len(ROLES) + 1)


async def test_every_role_may_open_the_pages_socket_and_nobody_else(house: House) -> None:
    address = house.url.replace("http", "ws", 1) + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    for role in ROLES:
        cookie = "; ".join(f"{name}={value}" for name, value in (await house.login(role)).items())
        async with websockets.connect(address, additional_headers={"Cookie": cookie}) as socket:
            assert str(await socket.recv()).startswith("0{")
    for cookie in ("", "vuzol_login=guessed"):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with websockets.connect(address, additional_headers={"Cookie": cookie}):
                pass
        assert refused.value.response.status_code == 403


async def test_what_is_not_in_the_table_does_not_exist_for_anybody(house: House) -> None:
    async with house.asking(cookies=await house.login("administrator")) as client:
        assert (await client.get("/api/v1/nothing")).status_code == 404
        assert (await client.delete("/api/v1/town")).status_code == 404
    async with house.asking() as client:
        assert (await client.get("/api/v1/nothing")).status_code == 401
