"""Nothing secret where it does not belong: a real controller and a real node at their most talkative, and a search.

Known keys, passwords, tokens go in; logs, consoles, ready.json, command lines, answers and the database are looked
through for them, in every form that is likely. Specification: architecture.md, "Security".
"""

import asyncio
import base64
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from controller.admin import backup, keys
from controller.secret_files import write_secret
from controller.tests.peer import make_entry
from controller.tests.process import Controller, controlling, write_files
from emulation.launch import start
from protocols.provisioning import settings_dict
from protocols.wire import mqtt_access

ENTRY = make_entry(0xA1, vehicle=17)
RELAYED = make_entry(0xA2)
CITY_KEY = secrets.token_bytes(32)
PERSON_PASSWORD = "цей пароль не з'являється ніде 7319"
TOML = (
    "[http]\nport = 0\n[mqtt]\nport = 0\n[log]\nlevel = 'debug'\n"
    f"[[relay]]\nname = 'cellar'\npassword_file = 'cellar.password'\nnodes = ['{RELAYED.node.hex()}']\n"
)
MAY_HOLD = {"nodes.json", "master.key", "cellar.password", "operator.token", "settings.json"}  # mode 0600 all of them


def forms(secret: bytes | str) -> Iterator[bytes]:
    """As it is, and as somebody might print it."""
    raw = secret.encode() if isinstance(secret, str) else secret
    yield raw
    if isinstance(secret, str):
        yield json.dumps(secret)[1:-1].encode()
        return
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield base64.b64encode(raw).rstrip(b"=")
    yield repr(raw)[2:-1].encode()


def found_in(places: dict[str, bytes], known: dict[str, bytes | str]) -> list[tuple[str, str]]:
    """(place, secret) of whatever stands where it should not."""
    return [
        (place, name)
        for place, data in places.items()
        for name, secret in known.items()
        if any(form in data for form in forms(secret))
    ]


def command_lines(*pids: int) -> dict[str, bytes]:
    """Of these processes and their children, with what stands in their environments."""
    family = [one for pid in pids for one in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))]
    return {
        f"{what} of {one.name()} {one.pid}": Path(f"/proc/{one.pid}/{what}").read_bytes()
        for one in family
        for what in ("cmdline", "environ")
    }


def files_of(folder: Path) -> dict[str, bytes]:
    """Everything in it that others might be given."""
    files = (one for one in folder.rglob("*") if one.is_file() and one.name not in MAY_HOLD)
    return {str(one.relative_to(folder)): one.read_bytes() for one in files}


async def work(controller: Controller, folder: Path) -> tuple[dict[str, bytes], dict[str, bytes | str]]:
    """People log in, rightly and wrongly, make tokens and look at everything: all answers, and what became secret."""
    operator = (folder / "data" / "operator.token").read_text(encoding="ascii").strip()
    answers: dict[str, bytes] = {}
    made: dict[str, bytes | str] = {"operator's token": operator}
    url = f"http://127.0.0.1:{controller.http_port}"
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {operator}"}, trust_env=False
    ) as client:

        async def ask(method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
            answer = await client.request(method, path, json=body, headers=headers)
            answers[f"{method} {path} {len(answers)}"] = answer.content + str(answer.headers).encode()
            return answer

        person = {"name": "olena", "roles": ["administrator"], "password": PERSON_PASSWORD}
        assert (await ask("POST", "/api/v1/users", person)).is_success
        for password in ("wrong " + PERSON_PASSWORD[::-1], PERSON_PASSWORD):
            login = await client.post("/api/v1/login", json={"name": "olena", "password": password})
        cookie = login.cookies["vuzol_login"]
        made["login's cookie"] = cookie
        token = await client.post(
            "/api/v1/tokens", json={"person": "olena", "label": "reader", "scopes": ["town.see"], "days": 1}
        )
        made["token"] = bearer = str(token.json()["secret"])
        await ask("GET", "/api/v1/tokens", Authorization=f"Bearer {bearer}")
        await ask("GET", "/api/v1/town", Authorization=f"Bearer {bearer}")
        await ask("GET", "/api/v1/town", Authorization="Bearer stolen")
        for path in asked(await client.get("/openapi.json")):
            await ask("GET", path)
    return answers, made


def asked(answer: httpx.Response) -> list[str]:
    """Every path that can be asked, with this town's node in the place of a parameter."""
    described = answer.json()["paths"]
    return [path.replace("{node}", ENTRY.node.hex()) for path, methods in described.items() if "get" in methods]


async def test_no_key_no_password_and_no_token_stands_where_others_may_look(tmp_path: Path) -> None:
    config = write_files(tmp_path, [ENTRY, RELAYED], TOML, access="")
    keys.rotate(config)
    master = (tmp_path / "master.key").read_text(encoding="ascii").strip()
    relay = secrets.token_hex(16)
    write_secret(tmp_path / "cellar.password", relay + "\n")
    known: dict[str, bytes | str] = {
        "node's key": ENTRY.key,
        "another node's key": RELAYED.key,
        "node's password": mqtt_access.password(ENTRY.key),
        "relay's password": relay,
        "master key": bytes.fromhex(master),
        "city's card key": CITY_KEY,
        "person's password": PERSON_PASSWORD,
    }
    async with controlling(config) as controller:
        uplink = {"transport": "mqtt", "host": "127.0.0.1", "port": controller.mqtt_port}
        settings = {"vehicle": 17, "door": 1, "city_key": CITY_KEY.hex()}
        told = settings_dict(ENTRY, language="uk", uplink=uplink, config=settings)
        with start("unix", ENTRY.kind, told, tmp_path / "node") as node:
            await asyncio.to_thread(node.wait_console, "link: up", 60)
            await asyncio.to_thread(node.present, "desfire", bytes((4, 1, 2, 3, 4, 5, 6)))
            await asyncio.to_thread(node.wait_light, "green", 30)
            places, made = await work(controller, tmp_path)
            known |= made
            places["node's console"] = node.console.encode()
            assert node.pid is not None
            places |= command_lines(controller.pid, node.pid)
        await asyncio.to_thread(backup.take, config, tmp_path / "backups" / "a.tar.gz", 1_792_400_000.0)
        places |= files_of(tmp_path)
    places["what it said"] = controller.words().encode()
    assert b"link up" in places["what it said"]
    assert len(places) > 30
    assert {"data/ready.json", "data/broker/nats.conf", "data/broker/nats.log", "vuzol.sqlite3-wal"} <= places.keys()
    assert found_in(places, known) == []
    # the search itself: what is there is found
    assert found_in({"registry": (tmp_path / "node" / "settings.json").read_bytes()}, known) == [
        ("registry", "node's key"),
        ("registry", "city's card key"),
    ]
