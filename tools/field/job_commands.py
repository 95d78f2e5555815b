"""`vuzol job send|list|fetch|withdraw`: jobs that go over the controller.

Never does the work: sent_jobs.py does. Specification: tools/COMMANDS.md lists every command and option.
"""

from pathlib import Path
from typing import Annotated

import typer

from tools import controller_api
from tools.field import sent_jobs
from tools.options import Configuration, Json, Language, TokenFile, Url, language_of

Number = Annotated[str, typer.Argument(metavar="JOB", help="The job's number: vuzol job list.")]


def _post(url: str, config: Path | None, token_file: Path | None, as_json: bool, lang: str) -> sent_jobs.Post:
    return sent_jobs.Post(controller_api.address(url, config, token_file), as_json, language_of(lang))


def send(
    file: Annotated[Path, typer.Argument(help="A job that was made --for a technician.")],
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Let a sealed job wait at the controller for its technician; nobody there can read its keys."""
    raise typer.Exit(sent_jobs.send(_post(url, config, token_file, as_json, lang), file))


def list_all(
    everybody: Annotated[bool, typer.Option("--all", help="Everybody's, not only yours.")] = False,
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """What waits at the controller for you."""
    raise typer.Exit(sent_jobs.list_all(_post(url, config, token_file, as_json, lang), everybody=everybody))


def fetch(
    job: Annotated[list[str] | None, typer.Argument(metavar="[JOB]...", help="These; else all of yours.")] = None,
    to: Annotated[Path, typer.Option(help="The folder for the files JOB.job.")] = Path(),
    office: Annotated[
        Path | None, typer.Option(help="File with public keys of offices.", show_default="~/.config/vuzol/offices")
    ] = None,
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Fetch your jobs, each verified and still sealed; from then on no network is needed."""
    raise typer.Exit(sent_jobs.fetch(_post(url, config, token_file, as_json, lang), job or (), to, office))


def withdraw(
    job: Number,
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Take a job off the list; whoever has fetched it has it."""
    raise typer.Exit(sent_jobs.withdraw(_post(url, config, token_file, as_json, lang), job))


def add_to(app: typer.Typer) -> None:
    """`vuzol job` gets these commands."""
    app.command("send", epilog="Example: vuzol job send poles.job --url https://vuzol.city --token-file my.token")(send)
    app.command("list", epilog="Examples: vuzol job list | vuzol job list --all --config vuzol.toml")(list_all)
    app.command("fetch", epilog="Examples: vuzol job fetch | vuzol job fetch 3e1591a3 --to jobs")(fetch)
    app.command("withdraw", epilog="Example: vuzol job withdraw 3e1591a3 --config vuzol.toml")(withdraw)
