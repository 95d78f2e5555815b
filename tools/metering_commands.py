"""`vuzol bus` and `vuzol enter`: lines with meters and devices, sheets with meters and readings.

Never does the work: bus.py and enter.py do. Specification: tools/README.md.
"""

from pathlib import Path
from typing import Annotated

import typer

from tools import bus, controller_api
from tools import enter as entering
from tools.options import Configuration, Json, Language, TokenFile, Url, language_of

bus_app = typer.Typer(help="Lines with meters and devices of others.", no_args_is_help=True)
ENTER_EXAMPLES = (
    "Examples: vuzol enter meters.csv --dry-run --config vuzol.toml | vuzol enter october.csv --config vuzol.toml"
)


@bus_app.command(
    "scan",
    epilog="Examples: vuzol bus scan | vuzol bus scan /dev/ttyUSB0 --units 1-32 | vuzol bus scan 10.0.0.7:502 --json | "
    "vuzol bus scan 00000000000000a1 --config vuzol.toml",
)
def scan(
    where: Annotated[
        str, typer.Argument(help="A serial port, a gateway's HOST:PORT, or a meter node: its M-Bus.")
    ] = "",
    units: Annotated[str, typer.Option(help="Modbus units to ask: 1-247, or 1,2,10-20.")] = "1-247",
    baud: Annotated[int, typer.Option(min=0, help="Speed of the line; 0: find it.")] = 0,
    parity: Annotated[str, typer.Option(help="none, even or odd.", show_default="find it")] = "",
    transport: Annotated[str, typer.Option(help="Of a gateway: tcp or rtu_tcp.", show_default="tcp")] = "",
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0, help="Seconds to wait for an answer; 0: as is usual.")
    ] = 0.0,
    template: Annotated[list[Path] | None, typer.Option(help="A template of your own; again for more.")] = None,
    primary: Annotated[
        int, typer.Option(min=0, max=250, help="M-Bus: ask the addresses up to this one; 0: search by numbers.")
    ] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked, ask nobody.")] = False,
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Find meters and devices on a line, name them, and print what to paste into the configuration."""
    job = bus.Job(where, units, baud, parity, transport, timeout_s, template or [], primary, dry_run)
    raise typer.Exit(
        bus.run(
            job,
            lambda: controller_api.address(url, config, token_file),
            as_json=as_json,
            language=language_of(lang),
        )
    )


def enter(
    file: Annotated[Path, typer.Argument(help="A CSV file of meters or of readings; README.md names the columns.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, store nothing.")] = False,
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Enter buildings, meters and their replacements, or readings that people took: a whole file, or nothing of it."""
    address = controller_api.address(url, config, token_file)
    raise typer.Exit(entering.run(file, address, dry_run=dry_run, as_json=as_json, language=language_of(lang)))
