"""The field tool's commands: thin doors to the modules of this folder.

Never does the work itself. Specification: tools/README.md lists every command and option; a test holds it to that.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from tools import controller_api, provision
from tools.errors import UsageError

Port = Annotated[str, typer.Argument(help="The board's serial port; vuzol devices lists them.")]
Office = Annotated[
    Path | None, typer.Option(help="File with public keys of offices.", show_default="~/.config/vuzol/offices")
]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Language = Annotated[str, typer.Option("--lang", help="Language of the messages: uk or en.", show_default="from LANG")]
Line = Annotated[str, typer.Option(help="Port of an RS-485 adapter at the other end of the node's pair.")]
Image = Annotated[Path | None, typer.Option(help="A UF2 image.", show_default="as make firmware built it")]
Drive = Annotated[Path | None, typer.Option(help="The boot loader's drive.", show_default="found by itself")]
Url = Annotated[str, typer.Option(help="The controller's address.")]
Configuration = Annotated[Path | None, typer.Option("--config", help="The controller that runs with this file.")]
TokenFile = Annotated[Path | None, typer.Option(help="A token of yours.")]
Unattended = Annotated[bool, typer.Option(help="Ask nobody: what a person has to look at stays unseen.")]
Registry = Annotated[Path, typer.Option(help="The controller's nodes.json; made if absent.")]
OfficeKey = Annotated[Path, typer.Option("--key", help="The office's signing key.")]
Out = Annotated[Path, typer.Option(help="The job file to write, or to add a node to.")]
Site = Annotated[str, typer.Option(help="Site of the topics: a-z, 0-9, -.")]
Kind = Annotated[str, typer.Option(help="Its kind; a wrong one is answered with the list.")]
Name = Annotated[str, typer.Option(help="What people call it.")]
Mqtt = Annotated[str, typer.Option(help="Broker as host:port.")]
Modbus = Annotated[str, typer.Option(help="Instead of a broker: rtu:UNIT[:BAUD[:PARITY]] or tcp:UNIT[:HOST:PORT].")]
Stop = Annotated[str, typer.Option(help="A display's GTFS stop_id.")]
Size = Annotated[str, typer.Option(help="A display's panel in pixels.")]
Vehicle = Annotated[str, typer.Option(help="A validator's vehicle_id, as in the roster.")]
Number = Annotated[int, typer.Option(min=0, help="A validator's vehicle number on the wire.")]
CityKey = Annotated[Path | None, typer.Option(help="File with the city's card key; made if absent.")]
Parts = Annotated[Path | None, typer.Option(help="JSON of what hangs on it: meters, calibration … (its config).")]
Epoch = Annotated[int, typer.Option(min=0, max=4095, help="One more for each flash that this node has had.")]
For = Annotated[str, typer.Option("--for", help="Its technician's public key: nobody else can open the job.")]
Publisher = Annotated[list[str] | None, typer.Option(help="Public key of a publisher of its updates; several times.")]


def add_commands(app: typer.Typer, language: Callable[[str], str]) -> None:
    """`language` turns what was typed behind --lang into uk or en."""
    _add_looking(app, language)
    _add_making(app, language)
    _add_office(app, language)


def _to(url: str, config: Path | None, token_file: Path | None) -> controller_api.Address | None:
    return controller_api.address(url, config, token_file) if url or config else None


def _add_looking(app: typer.Typer, language: Callable[[str], str]) -> None:
    from tools.field import devices, guide, label, monitor, record, selftest

    @app.command("devices", epilog="Examples: vuzol devices | vuzol devices /dev/ttyACM0 --json")
    def devices_command(
        ports: Annotated[list[str] | None, typer.Argument(metavar="[PORT]...", help="Ask these, known or not.")] = None,
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        """Say what is plugged in: board, firmware, node; boards are stopped for a second and started again."""
        raise typer.Exit(devices.run(ports or [], as_json=as_json, language=language(lang)))

    @app.command(
        "selftest", epilog="Examples: vuzol selftest /dev/ttyACM0 | vuzol selftest /dev/ttyACM0 --line /dev/ttyUSB0"
    )
    def selftest_command(
        port: Port, line: Line = "", unattended: Unattended = False, as_json: Json = False, lang: Language = ""
    ) -> None:
        """Try every peripheral that the wiring promises: green, or red with the likely cause."""
        ask = None if unattended or as_json else guide.person(language(lang))
        raise typer.Exit(selftest.run(port, line, ask, as_json=as_json, language=language(lang)))

    @app.command("label", epilog="Example: vuzol label 00000000000000a1 --name 'Площа Визволення' --place 'stop 1042'")
    def label_command(
        node: Annotated[str, typer.Argument(help="The node's 16 hexadecimal digits.")],
        name: Name = "",
        kind: Kind = "",
        place: Annotated[str, typer.Option(help="Where it stands.")] = "",
        out: Annotated[Path | None, typer.Option(help="The files, .png and .pdf.", show_default="NODE")] = None,
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        """Draw a node's label, 62 x 29 mm, as PNG and PDF: QR code, name, place, identity."""
        stem = out or Path(node)
        raise typer.Exit(label.run(node.lower(), name, kind, place, stem, as_json=as_json, language=language(lang)))

    @app.command("monitor", epilog="Example: vuzol monitor /dev/ttyACM0 --line /dev/ttyUSB0 --unit 17")
    def monitor_command(
        port: Port,
        line: Line = "",
        unit: Annotated[int, typer.Option(min=1, max=247, help="The node's unit on that line.")] = 1,
        baud: Annotated[int, typer.Option(help="Speed of that line.")] = 115_200,
        parity: Annotated[Literal["none", "even", "odd"], typer.Option(help="Its parity.")] = "none",
        seconds: Annotated[float | None, typer.Option("--for", min=1, help="End after so many seconds.")] = None,
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        """Watch a node in service: state, journal, registers, console lines; it is not stopped."""
        bus = monitor.Bus(line, unit, baud, parity)
        raise typer.Exit(monitor.run(port, bus, seconds, as_json=as_json, language=language(lang)))

    @app.command(
        "report", epilog="Example: vuzol report a1.commissioning.json --photo pole.jpg --url https://vuzol.city"
    )
    def report_command(
        file: Annotated[Path, typer.Argument(help="A commissioning record that vuzol install wrote.")],
        photo: Annotated[Path | None, typer.Option(help="A photo; its name and hash are signed.")] = None,
        note: Annotated[str, typer.Option(help="A sentence beside the photo.")] = "",
        url: Url = "",
        config: Configuration = None,
        token_file: TokenFile = None,
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        """Sign a record anew with a photo, and send it: it ends the alarms of that node."""
        to = _to(url, config, token_file)
        raise typer.Exit(record.run(file, photo, note, to, as_json=as_json, language=language(lang)))


def _add_making(app: typer.Typer, language: Callable[[str], str]) -> None:
    from tools.field import flashing, guide, hand_over, install, recover

    @app.command("flash", epilog="Examples: vuzol flash --board rpi_pico | vuzol flash /dev/ttyACM0 --release 12.vzr")
    def flash_command(
        port: Annotated[str, typer.Argument(help="The board's serial port; not needed for an image alone.")] = "",
        image: Image = None,
        release: Annotated[Path | None, typer.Option(help="A release; only what differs is sent.")] = None,
        drive: Drive = None,
        board: Annotated[str, typer.Option(help="A folder of boards/.")] = "rpi_pico",
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        """Put an image onto a board by its boot loader's drive, or a release by cable; read back and verified."""
        if release and not port:
            raise UsageError("fault_release_where")
        raise typer.Exit(flashing.run(port, image, release, drive, board, as_json=as_json, language=language(lang)))

    @app.command(
        "provision",
        epilog="Examples: vuzol provision --registry nodes.json --settings settings.json --site kryvyi-rih "
        "--kind stop_display --name 'Площа Визволення' --stop 1042 --mqtt 10.0.0.5:1883 | "
        "vuzol provision --job poles.job --port /dev/ttyACM0",
    )
    def provision_command(
        registry: Annotated[Path | None, typer.Option(help="The controller's nodes.json; made if absent.")] = None,
        settings: Annotated[Path | None, typer.Option(help="The settings file to write (mode 0600).")] = None,
        site: Site = "",
        kind: Kind = "",
        name: Name = "",
        mqtt: Mqtt = "127.0.0.1:1883",
        modbus: Modbus = "",
        stop: Stop = "",
        size: Size = "128x64",
        vehicle: Vehicle = "",
        number: Number = 0,
        city_key: CityKey = None,
        parts: Parts = None,
        journal_epoch: Epoch = 0,
        publisher: Publisher = None,
        job: Annotated[Path | None, typer.Option(help="Instead of all that: a signed job …")] = None,
        port: Annotated[str, typer.Option(help="… the board that gets a node of it …")] = "",
        node: Annotated[str, typer.Option(help="… and which, where the job has several.")] = "",
        office: Office = None,
        dry_run: Annotated[bool, typer.Option(help="Say what would be written, write nothing.")] = False,
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        """Give a new node its identity and its own key: into files and the registry, or from a job onto a board."""
        if job is not None:
            if not port:
                raise UsageError("fault_job_where")
            raise typer.Exit(
                hand_over.run(job, port, node, office, dry_run=dry_run, as_json=as_json, language=language(lang))
            )
        if registry is None or settings is None or not (site and kind and name):
            raise UsageError("fault_provision_what")
        publishers = tuple(publisher or ())
        wish = provision.Wish(
            site, kind, name, mqtt, modbus, stop, size, vehicle, number, city_key, parts, journal_epoch, publishers
        )
        raise typer.Exit(
            provision.run(wish, registry, settings, dry_run=dry_run, as_json=as_json, language=language(lang))
        )

    @app.command("recover", epilog="Example: vuzol recover /dev/ttyACM0 --out bus17.drain")
    def recover_command(
        port: Port,
        image: Image = None,
        drive: Drive = None,
        out: Annotated[Path | None, typer.Option(help="The drain file.", show_default="NODE.drain")] = None,
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        """Save the journal of a node that no longer serves, then take back its update or flash it anew, and try it."""
        raise typer.Exit(recover.run(port, image, drive, out, as_json=as_json, language=language(lang)))

    @app.command(
        "install", epilog="Examples: vuzol install | vuzol install poles.job | vuzol install poles.job --all --json"
    )
    def install_command(
        job: Annotated[Path | None, typer.Argument(help="A job file; without one you are led through it.")] = None,
        port: Annotated[list[str] | None, typer.Option(help="The board's port; several times for several.")] = None,
        drive: Annotated[list[Path] | None, typer.Option(help="A boot loader's drive; several times.")] = None,
        everything: Annotated[
            bool, typer.Option("--all", help="Every board that is plugged in, at the same time.")
        ] = False,
        node: Annotated[str, typer.Option(help="Which node of the job a blank board becomes.")] = "",
        image: Image = None,
        release: Annotated[Path | None, typer.Option(help="A release that goes onto the board too.")] = None,
        line: Line = "",
        office: Office = None,
        unattended: Unattended = False,
        url: Url = "",
        config: Configuration = None,
        token_file: TokenFile = None,
        dry_run: Annotated[bool, typer.Option(help="Say what would be done, touch no board.")] = False,
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        """Make blank boards into tested, labelled nodes in service; stop it at any time, and type the same again."""
        ports, drives = tuple(port or ()), tuple(drive or ())
        asks = not (unattended or as_json or everything or len(ports) > 1)
        wish = install.Wish(
            job or Path(),
            office,
            ports,
            drives,
            image,
            release,
            line,
            everything,
            node.lower(),
            _to(url, config, token_file),
            guide.person(language(lang)) if asks else None,
            language(lang),
        )
        raise typer.Exit(guide.run(wish) if job is None else install.run(wish, as_json=as_json, dry_run=dry_run))


def _add_office(app: typer.Typer, language: Callable[[str], str]) -> None:
    from tools.field import job_commands, jobs

    job_app = typer.Typer(help="Jobs for technicians, made and signed in the office.", no_args_is_help=True)
    app.add_typer(job_app, name="job")

    @job_app.command("keygen", epilog="Example: vuzol job keygen office.key")
    def keygen(
        file: Annotated[Path, typer.Argument(help="The key to make (mode 0600).")],
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        """Make a signing key; its public key is told."""
        raise typer.Exit(jobs.keygen(file, as_json=as_json, language=language(lang)))

    @job_app.command(
        "make",
        epilog="Example: vuzol job make --registry nodes.json --key office.key --out poles.job --board rpi_pico "
        "--site kryvyi-rih --kind stop_display --name 'Площа Визволення' --stop 1042 --modbus rtu:17",
    )
    def make(
        registry: Registry,
        key: OfficeKey,
        out: Out,
        site: Site,
        kind: Kind,
        name: Name,
        board: Annotated[str, typer.Option(help="The board that it will be: a folder of boards/.")] = "rpi_pico",
        controller: Annotated[str, typer.Option(help="Where the record is sent when there is a network.")] = "",
        mqtt: Mqtt = "127.0.0.1:1883",
        modbus: Modbus = "",
        stop: Stop = "",
        size: Size = "128x64",
        vehicle: Vehicle = "",
        number: Number = 0,
        city_key: CityKey = None,
        parts: Parts = None,
        journal_epoch: Epoch = 0,
        publisher: Publisher = None,
        technician: For = "",
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        """Put a new node into the registry and into a signed job for a technician."""
        publishers = tuple(publisher or ())
        wish = provision.Wish(
            site, kind, name, mqtt, modbus, stop, size, vehicle, number, city_key, parts, journal_epoch, publishers
        )
        office = jobs.Office(registry, key, out, board, controller, technician)
        raise typer.Exit(jobs.make(office, wish, as_json=as_json, language=language(lang)))

    @job_app.command("show", epilog="Example: vuzol job show poles.job")
    def show(
        file: Annotated[Path, typer.Argument(help="A job file.")],
        office: Office = None,
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        """Verify a job and say what is in it; never a key."""
        raise typer.Exit(jobs.show(file, office, as_json=as_json, language=language(lang)))

    job_commands.add_to(job_app)

    @app.command(
        "replace",
        epilog="Example: vuzol replace 00000000000000a1 --registry nodes.json --key office.key --was old.job "
        "--out new.job",
    )
    def replace_command(
        node: Annotated[str, typer.Argument(help="The node that is replaced: its 16 hexadecimal digits.")],
        registry: Registry,
        key: OfficeKey,
        was: Annotated[Path, typer.Option(help="Its old job, or a copy of its settings: bus address and parts.")],
        out: Out,
        board: Annotated[str, typer.Option(help="The new board: a folder of boards/.")] = "rpi_pico",
        controller: Annotated[str, typer.Option(help="Where the record is sent when there is a network.")] = "",
        city_key: CityKey = None,
        technician: For = "",
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        """Make a job for a board that takes a node's place, name and bus address; the old key is revoked."""
        office = jobs.Office(registry, key, out, board, controller, technician)
        raise typer.Exit(jobs.replace_node(office, node, was, city_key, as_json=as_json, language=language(lang)))
