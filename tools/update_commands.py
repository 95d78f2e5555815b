"""`vuzol update`: releases on their way over the fleet.

Never does the work: updates.py does. Specification: tools/README.md.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from tools import controller_api, updates
from tools.options import Configuration, Json, Language, TokenFile, Url, language_of

app = typer.Typer(help="Releases of the firmware on their way over the fleet.", no_args_is_help=True)
Version = Annotated[int, typer.Argument(help="The release's counter: vuzol update list.")]
Reason = Annotated[str, typer.Option(help="Why, for those who read it later.")]


def _job(url: str, config: Path | None, token_file: Path | None, as_json: bool, lang: str) -> updates.Job:
    return updates.Job(controller_api.address(url, config, token_file), as_json, language_of(lang))


@app.command(
    epilog="Examples: vuzol update start release.vzr --dry-run | vuzol update start release.vzr --kind stop_display "
    "--wave 0.05 --wave 1 --window 01:00-04:30"
)
def start(
    file: Annotated[Path, typer.Argument(help="A signed release: vuzol release.")],
    kind: Annotated[list[str] | None, typer.Option(help="Only this kind of nodes; again for more.")] = None,
    site: Annotated[list[str] | None, typer.Option(help="Only nodes of this site; again for more.")] = None,
    node: Annotated[list[str] | None, typer.Option(help="Only this node; again for more.")] = None,
    wave: Annotated[
        list[float] | None,
        typer.Option(help="Share of the nodes that have it by then; again for more.", show_default="0.02 0.2 1"),
    ] = None,
    window: Annotated[
        list[str] | None, typer.Option(help="Only in this time of day, as 01:00-04:30; again for more.")
    ] = None,
    success: Annotated[float | None, typer.Option(help="Share that has to confirm.", show_default="0.95")] = None,
    failed: Annotated[float | None, typer.Option(help="Share that may fail.", show_default="0.05")] = None,
    soak: Annotated[int | None, typer.Option(help="Seconds between waves.", show_default="600")] = None,
    at_once: Annotated[int | None, typer.Option(help="Nodes that pull at a time.", show_default="32")] = None,
    rate: Annotated[int | None, typer.Option(help="Bytes a second on one line.", show_default="32768")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the waves, propose nothing.")] = False,
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Propose to let a release go out; it begins when another person has confirmed it."""
    asked: dict[str, Any] = {
        "kinds": kind,
        "sites": site,
        "nodes": node,
        "waves": wave,
        "windows": window,
        "success_share": success,
        "failed_share": failed,
        "soak_s": soak,
        "at_once": at_once,
        "bytes_per_s": rate,
    }
    plan = {name: value for name, value in asked.items() if value not in (None, [])}
    job = _job(url, config, token_file, as_json, lang)
    raise typer.Exit(updates.start(job, file, plan, dry_run=dry_run))


@app.command("list", epilog="Examples: vuzol update list --config vuzol.toml")
def list_all(
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Every rollout, the newest first."""
    raise typer.Exit(updates.list_all(_job(url, config, token_file, as_json, lang)))


@app.command(epilog="Examples: vuzol update show 7 | vuzol update show 7 --watch")
def show(
    version: Version,
    watch: Annotated[bool, typer.Option("--watch", help="Look on until every node has ended.")] = False,
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """A rollout node by node; status 1 when a node failed."""
    raise typer.Exit(updates.show(_job(url, config, token_file, as_json, lang), version, watch=watch))


@app.command(epilog="Examples: vuzol update pause 7 --reason 'rush hour'")
def pause(
    version: Version,
    reason: Reason = "",
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Nothing more goes out until it is resumed; who has it whole goes on."""
    raise typer.Exit(updates.change(_job(url, config, token_file, as_json, lang), version, "pause", reason))


@app.command(epilog="Examples: vuzol update resume 7")
def resume(
    version: Version,
    reason: Reason = "",
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Go on; nodes that failed have another turn."""
    raise typer.Exit(updates.change(_job(url, config, token_file, as_json, lang), version, "resume", reason))


@app.command(epilog="Examples: vuzol update stop 7 --reason 'a better one comes'")
def stop(
    version: Version,
    reason: Reason = "",
    url: Url = "",
    config: Configuration = None,
    token_file: TokenFile = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """End it; to go on it has to be proposed again."""
    raise typer.Exit(updates.change(_job(url, config, token_file, as_json, lang), version, "stop", reason))
