"""`vuzol release …`: the typed form of tools/release.py.

Never does the work itself. Specification: README.md lists every command and option; a test holds it to that.
"""

from pathlib import Path
from typing import Annotated

import typer

from tools import release
from tools.options import Json, Language, language_of

app = typer.Typer(help="Releases of the firmware: a publisher's key, build, sign, show, check.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="The release.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, write nothing.")]


def _job(dry_run: bool, as_json: bool, lang: str) -> release.Job:
    return release.Job(dry_run, as_json, language_of(lang))


@app.command(epilog="Example: vuzol release keygen publisher.key")
def keygen(
    key: Annotated[Path, typer.Argument(help="The new key's file, mode 0600. It never goes near a controller.")],
    dry_run: DryRun = False,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Make a publisher's key; its public half goes into `publishers` of the nodes' settings."""
    raise typer.Exit(release.keygen(key, _job(dry_run, as_json, lang)))


@app.command(
    epilog="Examples: vuzol release build town-7.vzr --board rpi_pico --counter 7 --firmware 0.2.0 | "
    "vuzol release build signs-8.vzr --board rpi_pico --kind stop_display --counter 8 --firmware 0.2.1"
)
def build(
    file: File,
    board: Annotated[str, typer.Option(help="For this board alone.")],
    counter: Annotated[int, typer.Option(min=1, help="Higher than that of every release before, of any board.")],
    firmware: Annotated[str, typer.Option(help="The version that people see: three numbers.")],
    kind: Annotated[
        list[str] | None, typer.Option(help="For nodes of this kind; as often as needed, else all.")
    ] = None,
    text: Annotated[str, typer.Option(help="A word for people, 24 bytes.")] = "",
    dry_run: DryRun = False,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Build a release of this source tree: every module and font as one set, signed by nobody yet."""
    job = _job(dry_run, as_json, lang)
    raise typer.Exit(release.build(file, board, kind or [], counter, firmware, text, job))


@app.command(epilog="Example: vuzol release sign town-7.vzr --key publisher.key")
def sign(
    file: File,
    key: Annotated[Path, typer.Option(help="The publisher's key, mode 0600.")],
    dry_run: DryRun = False,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Sign a release in place, after its pieces were checked."""
    raise typer.Exit(release.sign(file, key, _job(dry_run, as_json, lang)))


@app.command(epilog="Example: vuzol release show town-7.vzr --json")
def show(file: File, as_json: Json = False, lang: Language = "") -> None:
    """What a release is for and what is in it, file by file."""
    raise typer.Exit(release.show(file, _job(False, as_json, lang)))


@app.command(
    epilog="Example: vuzol release check town-7.vzr --publisher 3d40…660c --board rpi_pico --kind stop_display"
)
def check(
    file: File,
    publisher: Annotated[
        list[str] | None, typer.Option(help="A public key that is believed; as often as needed.")
    ] = None,
    board: Annotated[str, typer.Option(help="The board that it has to be for.")] = "",
    kind: Annotated[str, typer.Option(help="The kind that it has to be for.")] = "",
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Whether a node would take it: signature, hashes, board, kind; status 1 and the reason when not."""
    raise typer.Exit(release.check(file, publisher or [], board, kind, _job(False, as_json, lang)))
