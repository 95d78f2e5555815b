"""A search of a line for meters and devices, guided: who is there, what fits, and what to paste where.

Never changes anything: it reads, and prints. M-Bus is searched by the meter node that stands on it.
Specification: README.md, `vuzol bus scan`; controller/admin/README.md, "Bus scan".
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.prompt import Prompt
from rich.table import Table
from serial.tools import list_ports

from tools.controller_api import Address, Refused, ask
from tools.errors import DONE, NO, UsageError
from tools.texts import say

if TYPE_CHECKING:
    from controller.admin.bus_scan import FoundUnit, Line

MAX_UNIT = 247
LOOK_AGAIN_S = 1.0
NODE_DIGITS = 16
EXAMPLES = ("/dev/ttyUSB0", "10.0.0.7:502", "00000000000000a1")


@dataclass(frozen=True, slots=True)
class Job:
    """What the person typed; empty or 0: what is usual."""

    where: str
    units: str
    baud: int
    parity: str
    transport: str
    timeout_s: float
    templates: list[Path]
    primary: int
    dry_run: bool


def run(job: Job, controller: Callable[[], Address], *, as_json: bool, language: str) -> int:
    """Print who answers; status 1 when nobody does. `controller` is asked for alone where it is needed.

    Raises UsageError.
    """
    guided = not as_json and sys.stdin.isatty()
    where = job.where or _choose_port(guided, language)
    if len(where) == NODE_DIGITS and not set(where.lower()) - set("0123456789abcdef"):
        return _search_mbus(where.lower(), job, controller(), as_json=as_json, language=language)
    return _scan_modbus(where, job, guided, as_json=as_json, language=language)


def _choose_port(guided: bool, language: str) -> str:
    """Of the serial ports of this machine."""
    ports = sorted(port.device for port in list_ports.comports() if port.vid is not None or "USB" in port.device)
    if not guided or not ports:
        raise UsageError(f"say what to search: a serial port, HOST:PORT or a meter node, such as {', '.join(EXAMPLES)}")
    return ports[0] if len(ports) == 1 else Prompt.ask(say(language, "bus_which"), choices=ports, default=ports[0])


def _scan_modbus(where: str, job: Job, guided: bool, *, as_json: bool, language: str) -> int:
    from controller.admin.bus_scan import CannotScan, search

    configs, units = _configs(where, job), _units(job.units)
    if job.dry_run:
        requests = len(configs) * len(units)
        told: dict[str, Any] = {
            "requests": requests,
            "longest_s": round(sum(one.timeout_s for one in configs) * len(units)),
            "settings": [f"{one.baud} {one.parity}" if one.transport == "rtu" else one.transport for one in configs],
        }
        print(json.dumps(told) if as_json else say(language, "bus_would", where=where, **told))
        return DONE
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(where, total=len(configs) * len(units))

        def tell(done: int, config: "Line", found: "list[FoundUnit]") -> None:
            speed = f"{config.baud} {config.parity}" if config.transport == "rtu" else where
            bar.update(task, completed=done, description=say(language, "bus_asking", speed=speed, found=len(found)))

        try:
            config, found = asyncio.run(search(configs, units, list(map(str, job.templates)), tell))
        except CannotScan as error:
            raise UsageError(str(error)) from None
    names = {one.unit: _name(one, guided and bool(found), language) for one in found}
    section = _section(config, found, names)
    if as_json:
        rows = [asdict(one) | {"name": names[one.unit]} for one in found]
        how = {name: getattr(config, name) for name in ("transport", "address", "baud", "parity")}
        print(json.dumps(how | {"units": rows, "bus": section}, ensure_ascii=False))
    elif found:
        Console(highlight=False).print(_table(found, names, language))
        print(f"{say(language, 'bus_paste')}\n\n{section}")
    else:
        print(say(language, "bus_nobody", where=where))
    return DONE if found else NO


def _configs(where: str, job: Job) -> "list[Line]":
    from controller.admin.bus_scan import BAUDS, PARITIES, CannotScan, bus_config, serial_settings

    try:
        if not where.startswith(("/", ".")) and ":" in where:
            return [bus_config(job.transport or "tcp", where, 9600, "none", job.timeout_s or 1.2)]
        settings = serial_settings((job.baud,) if job.baud else BAUDS, (job.parity,) if job.parity else PARITIES)
        return [bus_config("rtu", where, baud, parity, job.timeout_s or 0.25) for baud, parity in settings]
    except CannotScan as error:
        raise UsageError(str(error)) from None


def _units(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            raise UsageError(f"{text!r} are no units: write 1-{MAX_UNIT}, or 1,2,10-20")
        found += range(int(first), int(last or first) + 1)
    if not found or not all(1 <= unit <= MAX_UNIT for unit in found):
        raise UsageError(f"a unit is a number from 1 to {MAX_UNIT}: correct --units")
    return list(dict.fromkeys(found))


def _name(found: "FoundUnit", guided: bool, language: str) -> str:
    default = say(language, "bus_name", unit=found.unit)
    if not guided or found.kind == "node":
        return default
    fits = found.suggestions[0].name if found.suggestions else found.told.get("product", "")
    return Prompt.ask(say(language, "bus_ask_name", unit=found.unit, fits=escape(fits)), default=default)


def _section(config: "Line", found: "list[FoundUnit]", names: dict[int, str]) -> str:
    """A [[bus]] of vuzol.toml; a device without a template is there as a comment."""
    lines = ["[[bus]]", f"name = {_quoted(Path(config.address).name)}", f'transport = "{config.transport}"']
    lines += [f"address = {_quoted(config.address)}"]
    if config.transport == "rtu":
        lines += [f"baud = {config.baud}", f'parity = "{config.parity}"']
    nodes = [one.unit for one in found if one.kind == "node"]
    if nodes:
        lines.append(f"nodes = {nodes}")
    devices = [one for one in found if one.kind == "device"]
    if devices:
        lines.append("device = [")
        for one in devices:
            template = one.suggestions[0].template if one.suggestions else "write-one.toml"
            row = f"{{ unit = {one.unit}, name = {_quoted(names[one.unit])}, template = {_quoted(template)} }},"
            lines.append(f"    {row}" if one.suggestions else f"    # {row}")
        lines.append("]")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a basic string of TOML


def _table(found: "list[FoundUnit]", names: dict[int, str], language: str) -> Table:
    table = Table()
    for key in ("unit", "named", "told", "fits", "values"):
        table.add_column(say(language, f"bus_{key}"))
    for one in found:
        told = " ".join(one.told.values()) or "—"
        fits = "\n".join(suggestion.template for suggestion in one.suggestions) or "—"
        values = list(one.suggestions[0].values.items())[:4] if one.suggestions else []
        shown = "\n".join(f"{name} {value:.6g} {unit}" for name, (value, unit) in values)
        table.add_row(str(one.unit), *map(escape, (names[one.unit], told, fits, shown)))
    return table


def _search_mbus(node: str, job: Job, controller: Address, *, as_json: bool, language: str) -> int:
    path = f"/api/v1/meters/{node}"
    if job.dry_run:
        print(json.dumps({"node": node}) if as_json else say(language, "bus_would_mbus", node=node))
        return DONE
    columns = TextColumn("{task.description}"), BarColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        try:
            asked = ask("POST", controller, f"{path}/search", {"primary_last": str(job.primary)})
            search = asked
            while not search["outcome"] and search["command"] == asked["command"]:
                bar.update(task, description=say(language, "bus_searching", node=node, found=len(search["meters"])))
                time.sleep(LOOK_AGAIN_S)
                search = ask("GET", controller, f"{path}/found", {})
        except Refused as refused:
            raise UsageError(str(refused)) from None
    meters = [
        {"number": number, "address": one["address"] if job.primary else one["identity"], "every_min": 60}
        for number, one in enumerate((one for one in search["meters"] if not one["collided"]), 1)
    ]
    if as_json:
        print(json.dumps(search | {"settings": {"meters": meters}}, ensure_ascii=False))
    elif meters or search["meters"]:
        table = Table()
        for key in ("address", "identity", "maker", "medium", "note"):
            table.add_column(say(language, f"bus_{key}"))
        for one in search["meters"]:
            note = say(language, "bus_collided") if one["collided"] else ""
            table.add_row(str(one["address"]), *map(escape, (one["identity"], one["maker"], one["medium"], note)))
        Console(highlight=False).print(table)
        print(f"{say(language, 'bus_paste_meters')}\n\n{json.dumps({'meters': meters})}")
    else:
        print(say(language, "bus_nobody", where=node))
    if search["outcome"] not in ("done", ""):
        print(say(language, "bus_search_ended", node=node, outcome=search["outcome"]), file=sys.stderr)
    return DONE if meters and search["outcome"] == "done" else NO
