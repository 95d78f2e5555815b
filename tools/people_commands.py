"""`vuzol user …`, `vuzol token …`, `vuzol audit …`: the typed forms of tools/people.py.

Never does the work itself. Specification: README.md lists every command and option; a test holds it to that.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tools import people
from tools.options import Json, Language, language_of

user_app = typer.Typer(help="The people of the console and the API; the controller may run.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens for programs.", no_args_is_help=True)
audit_app = typer.Typer(help="Who did what.", no_args_is_help=True)

Config = Annotated[Path, typer.Option(help="The controller's configuration.")]
Name = Annotated[str, typer.Argument(help="a-z, 0-9, dot, hyphen, underscore.")]
Roles = Annotated[
    list[str], typer.Option("--role", help="As often as needed; a wrong one is answered with the list of roles.")
]
PasswordFile = Annotated[
    Path | None, typer.Option(help="File (mode 0600) whose first line is the password; else it is asked.")
]


@user_app.command(
    "add",
    epilog="Examples: vuzol user add olena --role administrator --config vuzol.toml | "
    "vuzol user add prometheus --role analyst --tokens-only --config vuzol.toml",
)
def add_user(
    name: Name,
    role: Roles,
    config: Config,
    password_file: PasswordFile = None,
    tokens_only: Annotated[bool, typer.Option(help="A program: no password, it comes in by token.")] = False,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Somebody new; the first one is an administrator."""
    desk = people.Desk(config, as_json, language_of(lang))
    raise typer.Exit(people.add_user(desk, name, role, password_file, tokens_only=tokens_only))


@user_app.command("list", epilog="Example: vuzol user list --config vuzol.toml")
def list_users(config: Config, as_json: Json = False, lang: Language = "") -> None:
    """Everybody, with roles, second factor and lock."""
    raise typer.Exit(people.list_users(people.Desk(config, as_json, language_of(lang))))


@user_app.command(
    "roles", epilog="Example: vuzol user roles taras --role dispatcher --role analyst --config vuzol.toml"
)
def roles(name: Name, role: Roles, config: Config, as_json: Json = False, lang: Language = "") -> None:
    """Other roles than before; they hold at once."""
    raise typer.Exit(people.set_roles(people.Desk(config, as_json, language_of(lang)), name, role))


@user_app.command("password", epilog="Example: vuzol user password taras --config vuzol.toml")
def password(
    name: Name, config: Config, password_file: PasswordFile = None, as_json: Json = False, lang: Language = ""
) -> None:
    """Another password; every login of this person ends."""
    raise typer.Exit(people.set_password(people.Desk(config, as_json, language_of(lang)), name, password_file))


@user_app.command("totp", epilog="Examples: vuzol user totp taras --config vuzol.toml | … --off")
def totp(
    name: Name,
    config: Config,
    off: Annotated[bool, typer.Option("--off", help="Take it away, of one who lost it.")] = False,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """A second factor: its QR code is shown once, and is in force once the first code was typed."""
    raise typer.Exit(people.set_totp(people.Desk(config, as_json, language_of(lang)), name, off=off))


@user_app.command("lock", epilog="Example: vuzol user lock taras --config vuzol.toml")
def lock(name: Name, config: Config, as_json: Json = False, lang: Language = "") -> None:
    """Keep somebody out: logins and tokens end at once."""
    raise typer.Exit(people.lock(people.Desk(config, as_json, language_of(lang)), name, locked=True))


@user_app.command("unlock", epilog="Example: vuzol user unlock taras --config vuzol.toml")
def unlock(name: Name, config: Config, as_json: Json = False, lang: Language = "") -> None:
    """Let somebody in again, also after too many wrong passwords."""
    raise typer.Exit(people.lock(people.Desk(config, as_json, language_of(lang)), name, locked=False))


@user_app.command("remove", epilog="Example: vuzol user remove taras --config vuzol.toml")
def remove(name: Name, config: Config, as_json: Json = False, lang: Language = "") -> None:
    """Somebody is gone, with logins and tokens; the audit keeps the name."""
    raise typer.Exit(people.remove(people.Desk(config, as_json, language_of(lang)), name))


@token_app.command(
    "add",
    epilog="Example: vuzol token add prometheus --label metrics --scope metrics.see --out metrics.token "
    "--config vuzol.toml",
)
def add_token(
    name: Annotated[str, typer.Argument(help="Whose it is: it may what this person may.")],
    label: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help="An action; as often as needed, a wrong one is answered with all.")],
    config: Config,
    days: Annotated[int, typer.Option(help="How long it lasts, at most 366.")] = 90,
    out: Annotated[Path | None, typer.Option(help="Write it into this file (mode 0600) instead of showing it.")] = None,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """A token for a program, narrowed to some actions; it is shown once."""
    desk = people.Desk(config, as_json, language_of(lang))
    raise typer.Exit(people.add_token(desk, name, label, scope, days, out))


@token_app.command("list", epilog="Example: vuzol token list --config vuzol.toml")
def list_tokens(config: Config, as_json: Json = False, lang: Language = "") -> None:
    """Whose tokens there are, for what and until when."""
    raise typer.Exit(people.list_tokens(people.Desk(config, as_json, language_of(lang))))


@token_app.command("revoke", epilog="Example: vuzol token revoke 3 --config vuzol.toml")
def revoke_token(
    number: Annotated[int, typer.Argument(metavar="ID", help="As vuzol token list shows it.")],
    config: Config,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """A token ends at once."""
    raise typer.Exit(people.revoke_token(people.Desk(config, as_json, language_of(lang)), number))


@audit_app.command("verify", epilog="Examples: vuzol audit verify --config vuzol.toml | … --seen 1234:9f86d081…")
def verify_audit(
    config: Config,
    seen: Annotated[str, typer.Option(help="A row seen before, NUMBER:SEAL: it has to stand there still.")] = "",
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """Work out the chain of seals anew; status 1 and the first broken row when it does not hold."""
    raise typer.Exit(people.verify_audit(people.Desk(config, as_json, language_of(lang)), seen))


@audit_app.command("show", epilog="Example: vuzol audit show --actor olena --limit 20 --config vuzol.toml")
def show_audit(
    config: Config,
    actor: Annotated[str, typer.Option(help="Of this person only.")] = "",
    action: Annotated[str, typer.Option(help="Of this action only, as people.manage.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many rows, the latest.")] = 50,
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """The latest rows; with --json what was before and after too."""
    raise typer.Exit(people.show_audit(people.Desk(config, as_json, language_of(lang)), limit, actor, action))


@audit_app.command("export", epilog="Example: vuzol audit export --out audit.jsonl --config vuzol.toml")
def export_audit(
    out: Annotated[Path, typer.Option(help="The file to write.")],
    config: Config,
    form: Annotated[Literal["json", "syslog"], typer.Option("--format", help="json, or syslog: RFC 5424.")] = "json",
    as_json: Json = False,
    lang: Language = "",
) -> None:
    """The whole audit into a file, a row a line."""
    raise typer.Exit(people.export_audit(people.Desk(config, as_json, language_of(lang)), out, form))
