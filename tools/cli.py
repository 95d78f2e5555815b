"""The `vuzol` command: every command is a thin door to the module that does the work.

Never imports the controller or the emulation before a command needs them.
Specification: tools/README.md lists every command and option; a test holds it to that.
"""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from tools import (
    ca_commands,
    controller_api,
    doors,
    drain,
    feeds,
    import_journal,
    mbus,
    metering_commands,
    operation,
    people_commands,
    release_commands,
    update_commands,
)
from tools import demo as demo_screen
from tools import export as exports
from tools import ledger as books
from tools import sim as simulation
from tools.errors import NO, WRONG_USE, UsageError
from tools.field.commands import add_commands
from tools.options import Configuration, Json, Language, TokenFile, Url
from tools.options import language_of as _language
from tools.texts import default_language, say

app = typer.Typer(
    help="Vuzol: the open field network of a city. Exit status: 0 done, 1 the answer is no, 2 wrong use or missing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command(
    epilog="Examples: vuzol demo | vuzol demo --gtfs feed.zip --displays 12 | "
    "vuzol demo --for 60 --json out.json --headless"
)
def demo(
    validators: Annotated[int, typer.Option(min=1, max=200, help="Vehicles, a fare validator in each.")] = 8,
    displays: Annotated[int, typer.Option(min=1, max=200, help="Stop displays.")] = 6,
    meters: Annotated[int, typer.Option(min=0, max=200, help="Houses, a meter node in each.")] = 4,
    posts: Annotated[int, typer.Option(min=0, max=200, help="Air posts.")] = 3,
    silicon: Annotated[int, typer.Option(min=0, max=20, help="So many of them as emulated RP2040 behind a relay.")] = 0,
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
        validators,
        displays,
        meters,
        posts,
        silicon,
        gtfs,
        seconds,
        json_file,
        headless,
        port,
        folder,
        seed,
        _language(lang),
    )
    raise typer.Exit(asyncio.run(demo_screen.run(request)))


@app.command(
    epilog="Examples: vuzol sim --faults storm | "
    "vuzol sim --nodes 40 --hours 24 --seed 7 --faults plan.toml --json out.json"
)
def sim(
    nodes: Annotated[int, typer.Option(min=1, max=200, help="Real nodes, each a MicroPython process.")] = 6,
    hours: Annotated[float, typer.Option(min=0.01, help="Virtual hours; a plan may need more.")] = 6.0,
    seed: Annotated[int, typer.Option(help="Everything comes from it: equal seeds, equal traces.")] = 1,
    faults: Annotated[
        str, typer.Option(help="calm, storm, outage-13h, outage-7d, or a TOML file in the words of those.")
    ] = "calm",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the results to this file.")] = None,
    lang: Language = "",
) -> None:
    """Simulate a town with faults in virtual time: real nodes, the real controller; ends with the ledger."""
    raise typer.Exit(
        simulation.run(
            nodes=nodes, hours=hours, seed=seed, faults=faults, json_file=json_file, language=_language(lang)
        )
    )


@app.command(epilog="Example: vuzol run --config vuzol.toml")
def run(
    config: Annotated[Path, typer.Option(help="The configuration; controller/vuzol.example.toml explains every key.")],
) -> None:
    """Run the controller until it is told to stop."""
    from controller import app as controller_app

    raise typer.Exit(controller_app.main(config))


@app.command(
    epilog="Examples: vuzol relay --config relay.toml | VUZOL_MQTT__HOST=10.0.0.5 vuzol relay --config relay.toml"
)
def relay(
    config: Annotated[Path, typer.Option(help="The configuration; controller/relay.example.toml explains every key.")],
    lang: Language = "",
) -> None:
    """Carry the envelopes of Modbus nodes to MQTT and back, unopened, until it is told to stop."""
    from controller import relay as controller_relay

    language = _language(lang)

    def tell(key: str, **values: object) -> None:
        print(say(language, key, **values), flush=True)

    raise typer.Exit(controller_relay.main(config, tell))


Config = Annotated[Path, typer.Option(help="The controller's configuration.")]


@app.command(epilog="Examples: vuzol backup --config vuzol.toml | vuzol backup --config vuzol.toml --to /mnt/usb")
def backup(
    config: Config,
    to: Annotated[Path | None, typer.Option(help="A folder, or a .tar.gz; else <site.data>/backups.")] = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Back up database, registry and feeds into one file, while the controller runs; it is read again."""
    raise typer.Exit(operation.backup(config, to, as_json=as_json, language=_language(lang)))


@app.command(epilog="Example: vuzol restore vuzol-demo-20261121T020000Z.tar.gz --config vuzol.toml --dry-run")
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    config: Config,
    dry_run: Annotated[bool, typer.Option(help="Verify the backup, change nothing.")] = False,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Put a backup in place of a stopped controller's files; those are kept beside it."""
    raise typer.Exit(operation.restore(file, config, dry_run=dry_run, as_json=as_json, language=_language(lang)))


@app.command(epilog="Examples: vuzol doctor --config vuzol.toml | vuzol doctor --config vuzol.toml --json")
def doctor(config: Config, as_json: Json = False, lang: Language = "") -> None:
    """Look for what is wrong with an installation, or soon will be; each finding says what to do."""
    raise typer.Exit(operation.doctor(config, as_json=as_json, language=_language(lang)))


app.add_typer(ca_commands.app, name="ca")
app.add_typer(people_commands.user_app, name="user")
app.add_typer(people_commands.token_app, name="token")
app.add_typer(people_commands.audit_app, name="audit")
keys_app = typer.Typer(help="The nodes' keys at rest.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")


@keys_app.command("rotate", epilog="Example: vuzol keys rotate --config vuzol.toml")
def keys_rotate(config: Config, as_json: Json = False, lang: Language = "") -> None:
    """Seal nodes' keys and second factors under a new master key, open ones too; the controller may run."""
    raise typer.Exit(doors.rotate(config, as_json=as_json, language=_language(lang)))


@app.command("broker-acl", epilog="Example: vuzol broker-acl --config vuzol.toml --to /etc/mosquitto/vuzol")
def broker_acl(
    config: Config,
    to: Annotated[Path, typer.Option(help="The folder to write into.")],
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Write mosquitto's list of who may come in and do what; the embedded broker keeps its own."""
    raise typer.Exit(doors.broker_acl(config, to, as_json=as_json, language=_language(lang)))


@app.command(epilog="Examples: vuzol gtfs feed.zip | vuzol gtfs feed/ --json")
def gtfs(
    path: Annotated[Path, typer.Argument(help="A feed: a zip or a folder.")],
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Check a GTFS feed: what is in it, or what is wrong, by file and line."""
    raise typer.Exit(feeds.check(path, as_json=as_json, language=_language(lang)))


add_commands(app, _language)


mbus_app = typer.Typer(help="Meters' telegrams on M-Bus.", no_args_is_help=True)
app.add_typer(mbus_app, name="mbus")
app.add_typer(metering_commands.bus_app, name="bus")
app.add_typer(release_commands.app, name="release")
app.add_typer(update_commands.app, name="update")
app.command("enter", epilog=metering_commands.ENTER_EXAMPLES)(metering_commands.enter)


@mbus_app.command(
    "decode", epilog="Examples: vuzol mbus decode 'E5' | vuzol mbus decode \"$(cat telegram.hex)\" --json"
)
def mbus_decode(
    telegram: Annotated[list[str], typer.Argument(metavar="HEX", help="A whole frame, two digits a byte.")],
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Decode a captured M-Bus frame: the meter, and every record with its value, unit and quantity."""
    raise typer.Exit(mbus.run(" ".join(telegram), as_json=as_json, language=_language(lang)))


@app.command(
    epilog="Examples: vuzol ledger | vuzol ledger --from 2026-11-01 --to 2026-11-30 --config vuzol.toml | "
    "vuzol ledger --node 00000000000000a1 --url http://10.0.0.5:8080 --json"
)
def ledger(
    node: Annotated[str, typer.Option(help="This node alone: its 16 hexadecimal digits.")] = "",
    first: Annotated[
        str, typer.Option("--from", help="Records from this day or time on; without an offset in the town's time zone.")
    ] = "",
    last: Annotated[str, typer.Option("--to", help="To the end of this day, or to this time.")] = "",
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Reconcile: what the nodes journalled against what the controller stored; status 1 when they differ."""
    question = books.Question(node, first, last)
    address = controller_api.address(url, config, token_file)
    raise typer.Exit(books.run(question, address, as_json=as_json, language=_language(lang)))


@app.command(
    epilog="Examples: vuzol export air --from 2026-11-01 --to 2026-11-30 --out november.parquet | "
    "vuzol export readings --node 00000000000000a1 --out house.csv | vuzol export taps --dictionary"
)
def export(
    dataset: Annotated[str, typer.Argument(help="readings, air, taps, positions, devices or points.")],
    first: Annotated[
        str, typer.Option("--from", help="Records from this day or time on; without an offset in the town's time zone.")
    ] = "",
    last: Annotated[str, typer.Option("--to", help="To the end of this day, or to this time.")] = "",
    node: Annotated[str, typer.Option(help="This node, device or building alone.")] = "",
    out: Annotated[Path | None, typer.Option(help="The file to write: .csv or .parquet.")] = None,
    dictionary: Annotated[bool, typer.Option("--dictionary", help="Say what the columns mean, write nothing.")] = False,
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Write what is stored into a file for other programs: nothing left out, nothing summed up, times in UTC."""
    address, language = controller_api.address(url, config, token_file), _language(lang)
    if dictionary:
        raise typer.Exit(exports.explain(dataset, address, as_json=as_json, language=language))
    job = exports.Job(dataset, first, last, node, out)
    raise typer.Exit(exports.run(job, address, as_json=as_json, language=language))


@app.command(
    "drain",
    epilog="Examples: vuzol drain /dev/ttyACM0 | vuzol drain chip.bin --node 00000000000000a1 --out bus17.drain",
)
def drain_command(
    source: Annotated[str, typer.Argument(metavar="PORT|FILE", help="A serial port, or the image of a flash.")],
    node: Annotated[str, typer.Option(help="Whose journal it is, where its settings do not say so.")] = "",
    board: Annotated[str, typer.Option(help="The board whose flash map is used.")] = "rpi_pico",
    out: Annotated[Path | None, typer.Option(help="The drain file to write.", show_default="NODE.drain")] = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Read the journal of a node that no longer boots its application; goes on where it was broken off."""
    raise typer.Exit(drain.run(drain.Job(source, node, board, out), as_json=as_json, language=_language(lang)))


@app.command(
    "import", epilog="Examples: vuzol import bus17.drain --dry-run | vuzol import bus17.drain --config vuzol.toml"
)
def import_command(
    file: Annotated[Path, typer.Argument(help="What vuzol drain wrote.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, store nothing.")] = False,
    despite_conflicts: Annotated[
        bool, typer.Option("--despite-conflicts", help="Store what is new though numbers are stored with other bytes.")
    ] = False,
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Store a dead node's journal in the controller's ledger, each record once, marked as imported."""
    raise typer.Exit(
        import_journal.run(
            file,
            controller_api.address(url, config, token_file),
            dry_run=dry_run,
            despite_conflicts=despite_conflicts,
            as_json=as_json,
            language=_language(lang),
        )
    )


def main() -> None:
    """Entry point of the `vuzol` command: errors for people end in one sentence, never in a traceback."""
    try:
        app()
    except (UsageError, OSError) as fault:
        error = fault
        if not isinstance(error, UsageError):
            if error.filename is None:
                raise
            error = UsageError("fault_file", file=error.filename, why=error.strerror)
        typed = re.search(r" --lang[ =](uk|en)\b", " ".join(sys.argv))
        told = error.text(typed[1] if typed else default_language())
        if "--json" in sys.argv:
            print(json.dumps({"error": told}, ensure_ascii=False))
        print(f"vuzol: {told}", file=sys.stderr)
        sys.exit(WRONG_USE)
    except KeyboardInterrupt:
        sys.exit(NO)


if __name__ == "__main__":
    main()
