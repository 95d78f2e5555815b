"""`vuzol ca …`: the typed form of tools/ca.py.

Never does the work itself. Specification: README.md lists every command and option; a test holds it to that.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tools import ca
from tools.options import Json, Language, language_of

app = typer.Typer(help="The town's own certificate authority.", no_args_is_help=True)

Folder = Annotated[Path, typer.Option(help="The authority's folder.")]
Passphrase = Annotated[Path, typer.Option(help="File (mode 0600) whose first line opens the authority's key.")]
Days = Annotated[int, typer.Option(min=1, max=36_500, help="How long it is good.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, write nothing.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME…", help="As vuzol ca list shows them.")]

FOLDER = Path("ca")
YEARS_10, YEARS_2 = 3650, 730


@app.command(epilog="Example: vuzol ca init --folder ca --passphrase-file ca.passphrase --name kryvyi-rih")
def init(
    passphrase_file: Passphrase,
    folder: Folder = FOLDER,
    name: Annotated[str, typer.Option(help="What certificates call it.")] = "vuzol",
    days: Days = YEARS_10,
    dry_run: DryRun = False,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Make the authority, and its passphrase file where there is none: keep a copy of both, apart."""
    raise typer.Exit(ca.init(name, days, ca.Job(folder, passphrase_file, dry_run, as_json, language_of(lang))))


def _issuing(role: Literal["node", "relay"], who: str, example: str, explained: str) -> None:
    def issue(
        names: Annotated[list[str], typer.Argument(metavar="NAME…", help=who)],
        passphrase_file: Passphrase,
        folder: Folder = FOLDER,
        days: Days = YEARS_2,
        dry_run: DryRun = False,
        as_json: Json = False,
        lang: Language = "",
    ) -> None:
        job = ca.Job(folder, passphrase_file, dry_run, as_json, language_of(lang))
        raise typer.Exit(ca.issue(names, role, (), days, job))

    issue.__doc__ = explained
    app.command(role, epilog=f"Example: vuzol ca {role} {example} --passphrase-file ca.passphrase")(issue)


_issuing(
    "node",
    "Nodes, by their 16 hexadecimal digits.",
    "00000000000000a1",
    "A certificate that a node shows the broker instead of its password.",
)
_issuing("relay", "Relays, as [[relay]] of the controller names them.", "cellar", "A certificate for a relay.")


@app.command(epilog="Example: vuzol ca controller --passphrase-file ca.passphrase")
def controller(
    passphrase_file: Passphrase,
    folder: Folder = FOLDER,
    days: Days = YEARS_2,
    dry_run: DryRun = False,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """A certificate that the controller shows its broker."""
    job = ca.Job(folder, passphrase_file, dry_run, as_json, language_of(lang))
    raise typer.Exit(ca.issue(["controller"], "controller", (), days, job))


@app.command(
    epilog="Example: vuzol ca server broker --host 10.0.0.5 --host broker.town --passphrase-file ca.passphrase"
)
def server(
    name: Annotated[str, typer.Argument(help="What its files are called: page, broker.")],
    host: Annotated[list[str], typer.Option(help="A name or an address that it is reached by; as often as needed.")],
    passphrase_file: Passphrase,
    folder: Folder = FOLDER,
    days: Days = YEARS_2,
    dry_run: DryRun = False,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """A certificate for a broker or for the page."""
    job = ca.Job(folder, passphrase_file, dry_run, as_json, language_of(lang))
    raise typer.Exit(ca.issue([name], "server", host, days, job))


@app.command(
    epilog="Examples: vuzol ca renew broker page --passphrase-file ca.passphrase | "
    "vuzol ca renew vuzol --days 3650 --passphrase-file ca.passphrase"
)
def renew(
    names: Names,
    passphrase_file: Passphrase,
    folder: Folder = FOLDER,
    days: Days = YEARS_2,
    dry_run: DryRun = False,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """New keys and certificates beside those in force; the authority's own name: a second one that is trusted too."""
    raise typer.Exit(ca.renew(names, days, ca.Job(folder, passphrase_file, dry_run, as_json, language_of(lang))))


@app.command(epilog="Example: vuzol ca revoke 00000000000000a1 --passphrase-file ca.passphrase")
def revoke(
    names: Names,
    passphrase_file: Passphrase,
    folder: Folder = FOLDER,
    dry_run: DryRun = False,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Take back all that a name has, or one serial number; the authority's own name: its older ones."""
    raise typer.Exit(ca.revoke(names, ca.Job(folder, passphrase_file, dry_run, as_json, language_of(lang))))


@app.command("list", epilog="Example: vuzol ca list --folder ca")
def list_command(folder: Folder = FOLDER, as_json: Json = False, lang: Language = "") -> None:
    """Who has which certificate, and until when."""
    raise typer.Exit(ca.show(folder, as_json=as_json, language=language_of(lang)))
