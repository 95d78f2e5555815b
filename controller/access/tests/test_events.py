"""The page's events: every role × every action over the real websocket, and every way around the guard.

The browser's part is spoken by hand: engine.io 4 (0 open, 2 ping, 4 message), socket.io 5 (40 connect, 42 event).
Specification: access/events.py; NiceGUI 3, static/nicegui.js.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import websockets
from nicegui import Client, ui
from nicegui.events import GenericEventArguments

from controller.access.actor import ROLES
from controller.access.audit import describe
from controller.access.events import guarded
from controller.access.table import ACTIONS, is_noted
from controller.access.tests.running import House
from controller.tests.waiting import until

Cookies = dict[str, str]


class Browser:
    """A page that was loaded, and its socket."""

    def __init__(self, client: Client, socket: websockets.ClientConnection) -> None:
        self.client = client
        self.socket = socket

    def button(self, handler: Any) -> dict[str, Any]:
        """Put a button on the page; the message that a click on it is."""
        with self.client:
            element = ui.element("button").on("click", handler)
        (listener,) = element._event_listeners.values()
        return {"id": element.id, "client_id": self.client.id, "listener_id": listener.id, "args": ["{}"]}

    async def send(self, message: Any, name: str = "event") -> None:
        """A socket.io message."""
        await self.socket.send("42" + json.dumps([name, message]))


async def load(house: House, cookies: Cookies, path: str = "/") -> Client:
    """Ask for a page as a browser does."""
    async with house.asking(cookies=cookies) as asking:
        answer = await asking.get(path)
    found = re.search(r"client_id[^0-9a-f]*([0-9a-f-]{36})", answer.text)
    assert found, answer.status_code
    return Client.instances[found[1]]


async def dial(house: House, cookies: Cookies, client: Client) -> tuple[websockets.ClientConnection, str]:
    """Open the socket of a page; what it was answered."""
    query = {"client_id": client.id, "tab_id": "t", "document_id": "d", "implicit_handshake": "true"}
    query |= {"next_message_id": "0", "EIO": "4", "transport": "websocket"}
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    address = f"{house.url.replace('http', 'ws', 1)}/_nicegui_ws/socket.io/?{urlencode(query)}"
    socket = await websockets.connect(address, additional_headers={"Cookie": cookie, "Origin": house.url})
    await socket.recv()
    await socket.send("40")
    return socket, str(await socket.recv())


@contextlib.asynccontextmanager
async def browsing(house: House, cookies: Cookies) -> AsyncIterator[Browser]:
    """A page of this login with its socket, whose messages are read and forgotten."""
    client = await load(house, cookies)
    socket, answer = await dial(house, cookies, client)
    assert answer.startswith("40"), answer

    async def hear() -> None:
        async for message in socket:
            if message == "2":
                await socket.send("3")

    hearing = asyncio.create_task(hear())
    try:
        yield Browser(client, socket)
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await socket.close()


async def test_an_event_runs_for_the_roles_of_its_action_and_is_refused_to_all_others(house: House) -> None:
    for role in ROLES:
        done: set[str] = set()
        expected = {action for action, roles in ACTIONS.items() if role in roles}

        def noted(result: str, role: str = role) -> set[str]:
            return {row.note.action for row in house.access.audit.rows(actor=role) if row.note.result == result}

        def ran(action: str, done: set[str] = done) -> None:
            done.add(action)

        async with browsing(house, await house.login(role)) as browser:
            for action in ACTIONS:
                await browser.send(browser.button(guarded(action, partial(ran, action))))
            await until(lambda: done >= expected and noted("refused") >= set(ACTIONS) - expected)  # noqa: B023
            await until(lambda: noted("done") >= {action for action in expected if is_noted(action)})  # noqa: B023
        assert done == expected
        assert noted("refused") == set(ACTIONS) - expected
        assert noted("done") == {action for action in expected if is_noted(action)}


async def test_an_asynchronous_handler_gets_its_event_and_tells_the_audit_what_it_did(house: House) -> None:
    async def act(event: GenericEventArguments) -> None:
        await asyncio.sleep(0)
        describe("alarm 7", {"state": "open"}, {"state": event.args["chosen"]})

    async with browsing(house, await house.login("dispatcher")) as browser:
        click = browser.button(guarded("alarms.handle", act))
        await browser.send(click | {"args": ['{"chosen": "closed"}']})
        await until(lambda: bool(house.access.audit.rows()))
    (row,) = house.access.audit.rows()
    assert row.note == (
        "dispatcher",
        "user",
        "alarms.handle",
        "alarm 7",
        {"state": "open"},
        {"state": "closed"},
        "done",
    )


async def test_a_handler_that_fails_is_noted_as_failed(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def act() -> None:
        raise ValueError("the database is full")

    async with browsing(house, await house.login("dispatcher")) as browser:
        await browser.send(browser.button(guarded("alarms.handle", act)))
        await until(lambda: bool(house.access.audit.rows()))
    assert house.access.audit.rows()[0].note.result == "failed"
    assert "the database is full" in caplog.text


async def test_a_handler_without_an_action_never_runs(house: House) -> None:
    ran: list[str] = []
    async with browsing(house, await house.login("administrator")) as browser:
        await browser.send(browser.button(lambda: ran.append("bare")))
        await browser.send(browser.button(guarded("town.see", lambda: ran.append("guarded"))))
        await until(lambda: "guarded" in ran)
    assert ran == ["guarded"]


def test_a_handler_with_an_action_that_is_not_in_the_table_is_not_even_built() -> None:
    with pytest.raises(KeyError):
        guarded("town.destroy", print)


async def test_nobody_acts_on_another_persons_page_though_all_its_numbers_are_known(house: House) -> None:
    ran: list[str] = []
    theirs = await house.login("technician")
    async with browsing(house, await house.login("administrator")) as victim, browsing(house, theirs) as thief:
        click = victim.button(guarded("people.manage", lambda: ran.append("stolen")))
        await thief.send(click)
        await thief.send({"client_id": victim.client.id, "tab_id": "t", "document_id": "d"}, "handshake")
        await thief.send(click)
        await thief.send(thief.button(guarded("town.see", lambda: ran.append("own"))))
        await until(lambda: "own" in ran)
        socket, answer = await dial(house, theirs, victim.client)
        assert answer.startswith("44"), "the page of another login is not joined"
        await socket.close()
        await victim.send(click)
        await until(lambda: "stolen" in ran)
    assert ran == ["own", "stolen"]


async def test_a_message_that_makes_no_sense_hurts_nobody(house: House) -> None:
    ran: list[str] = []
    async with browsing(house, await house.login("technician")) as browser:
        for message in ("nonsense", 7, None, {}, {"client_id": 7}, {"client_id": browser.client.id, "id": []}):
            for name in ("event", "handshake", "ack", "log", "javascript_response", "connect", "unheard-of"):
                await browser.send(message, name)
        await browser.send(browser.button(guarded("town.see", lambda: ran.append("still"))))
        await until(lambda: ran == ["still"])


@pytest.mark.parametrize("ending", ["locked", "logged out", "other roles"])
async def test_an_open_page_acts_no_more_once_its_login_has_ended(house: House, ending: str) -> None:
    ran: list[str] = []
    people = house.access.people
    async with browsing(house, await house.login("technician")) as browser:
        click = browser.button(guarded("documents.publish", lambda: ran.append("published")))
        if ending == "locked":
            await house.access.write(lambda: people.lock("technician", locked=True))
        elif ending == "logged out":
            await house.access.write(people.end_logins, "technician")
        else:
            await house.access.write(people.set_roles, "technician", ["analyst"])
        await browser.send(click)
        if ending == "other roles":
            await until(lambda: any(row.note.result == "refused" for row in house.access.audit.rows()))
        else:
            await until(lambda: browser.socket.close_code is not None)
            assert browser.socket.close_code == 1008
    assert ran == []


async def test_the_socket_of_a_quiet_page_ends_with_its_login_too(house: House) -> None:
    async with browsing(house, await house.login("auditor")) as browser:
        await house.access.write(house.access.people.end_logins, "auditor")
        await until(lambda: browser.socket.close_code is not None)


async def test_a_page_elsewhere_does_not_open_a_socket_with_somebodys_cookie(house: House) -> None:
    cookies = await house.login("administrator")
    address = f"{house.url.replace('http', 'ws', 1)}/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    headers = {"Cookie": f"vuzol_login={cookies['vuzol_login']}", "Origin": "http://elsewhere.example"}
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(address, additional_headers=headers)
    assert refused.value.response.status_code == 403


async def test_the_pages_messages_go_by_websocket_alone(house: House) -> None:
    async with house.asking(cookies=await house.login("administrator")) as asking:
        answer: httpx.Response = await asking.get("/_nicegui_ws/socket.io/", params={"EIO": 4, "transport": "polling"})
    assert answer.status_code == 404
