"""The `vuzol` command: every command is a thin door to the module that does the work.

Never imports the controller or the emulation before a command needs them.
Specification: tools/README.md lists every command and option; a test holds it to that.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tools import demo as demo_screen
from tools import feeds, provision
from tools.errors import NO, WRONG_USE, UsageError
from tools.texts import LANGUAGES, default_language

app = typer.Typer(
    help="Vuzol: the open field network of a city. Exit status: 0 done, 1 the answer is no, 2 wrong use or missing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Language = Annotated[str, typer.Option("--lang", help="Language of the messages: uk or en.", show_default="from LANG")]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def _language(value: str) -> str:
    if value and value not in LANGUAGES:
        raise UsageError(f"no language {value!r}: use --lang uk or --lang en")
    return value or default_language()


@app.command(
    epilog="Examples: vuzol demo | vuzol demo --gtfs feed.zip --displays 12 | "
    "vuzol demo --for 60 --json out.json --headless"
)
def demo(
    validators: Annotated[int, typer.Option(min=1, max=200, help="Vehicles, a fare validator in each.")] = 8,
    displays: Annotated[int, typer.Option(min=1, max=200, help="Stop displays.")] = 6,
    gtfs: Annotated[Path | None, typer.Option(help="A GTFS feed, zip or folder, moved in time to now.")] = None,
    seconds: Annotated[float | None, typer.Option("--for", min=10, help="End after so many seconds.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the results to this file.")] = None,
    headless: Annotated[bool, typer.Option(help="No live screen and no browser: lines only.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0: any free one.")] = 8080,
    folder: Annotated[Path | None, typer.Option(help="Keep database, journals and logs in this folder.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of delays, riders and keys of chance.")] = 1,
    lang: Language = "",
) -> None:
    """Run a living town: real nodes, real controller, real broker; ends with the ledger."""
    request = demo_screen.Request(
        validators, displays, gtfs, seconds, json_file, headless, port, folder, seed, _language(lang)
    )
    raise typer.Exit(asyncio.run(demo_screen.run(request)))


@app.command(epilog="Example: vuzol run --config vuzol.toml")
def run(
    config: Annotated[Path, typer.Option(help="The configuration; controller/vuzol.example.toml explains every key.")],
) -> None:
    """Run the controller until it is told to stop."""
    from controller import app as controller_app

    raise typer.Exit(controller_app.main(config))


@app.command(epilog="Examples: vuzol gtfs feed.zip | vuzol gtfs feed/ --json")
def gtfs(
    path: Annotated[Path, typer.Argument(help="A feed: a zip or a folder.")],
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Check a GTFS feed: what is in it, or what is wrong, by file and line."""
    raise typer.Exit(feeds.check(path, as_json=as_json, language=_language(lang)))


@app.command(
    "provision",
    epilog="Example: vuzol provision --registry nodes.json --settings settings.json --site kryvyi-rih "
    "--kind stop_display --name 'Площа Визволення' --stop 1042 --mqtt 10.0.0.5:1883",
)
def provision_command(
    registry: Annotated[Path, typer.Option(help="The controller's nodes.json; made if absent.")],
    settings: Annotated[Path, typer.Option(help="The node's settings file to write (mode 0600).")],
    site: Annotated[str, typer.Option(help="Site of the topics: a-z, 0-9, -.")],
    kind: Annotated[str, typer.Option(help="fare_validator or stop_display.")],
    name: Annotated[str, typer.Option(help="What people call it.")],
    mqtt: Annotated[str, typer.Option(help="Broker as host:port.")] = "127.0.0.1:1883",
    stop: Annotated[str, typer.Option(help="A display's GTFS stop_id.")] = "",
    size: Annotated[str, typer.Option(help="A display's panel in pixels.")] = "128x64",
    vehicle: Annotated[str, typer.Option(help="A validator's vehicle_id, as in the roster.")] = "",
    number: Annotated[int, typer.Option(min=0, help="A validator's vehicle number on the wire.")] = 0,
    city_key: Annotated[Path | None, typer.Option(help="File with the city's card key; made if absent.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what would be written, write nothing.")] = False,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Give a new node its identity and its own key, and tell the controller's registry."""
    job = provision.Job(registry, settings, site, kind, name, mqtt, stop, size, vehicle, number, city_key)
    raise typer.Exit(provision.run(job, dry_run=dry_run, as_json=as_json, language=_language(lang)))


def main() -> None:
    """Entry point of the `vuzol` command: errors for people end in one sentence, never in a traceback."""
    try:
        app()
    except UsageError as error:
        if "--json" in sys.argv:
            print(json.dumps({"error": str(error)}, ensure_ascii=False))
        print(f"vuzol: {error}", file=sys.stderr)
        sys.exit(WRONG_USE)
    except KeyboardInterrupt:
        sys.exit(NO)


if __name__ == "__main__":
    main()
