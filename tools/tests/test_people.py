"""The first administrator, people, tokens and the audit as an administrator types them; on a controller that runs too.

Specification: tools/README.md; controller/access/README.md.
"""

import json
import os
import pty
import re
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pyotp
import pytest
from typer.testing import CliRunner

from controller.tests.process import PORTS, controlling, write_files
from tools.cli import app
from tools.errors import WRONG_USE, UsageError

PASSWORD = "correct horse battery"
Done = subprocess.CompletedProcess[str]


def vuzol(*arguments: str | Path) -> Done:
    """The command in this process: it is typed often here."""
    done = CliRunner().invoke(app, list(map(str, arguments)), env={"LANG": "C"})
    if isinstance(done.exception, UsageError):
        return Done(arguments, WRONG_USE, done.stdout, str(done.exception))
    return Done(arguments, done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An installation that never ran."""
    return write_files(tmp_path, [], PORTS, "")


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.touch(0o600)
    file.write_text(PASSWORD + "\n", encoding="utf-8")
    return file


def told(done: Done, status: int = 0) -> dict[str, object]:
    assert done.returncode == status, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def at_a_terminal(arguments: list[str], answers: dict[str, object]) -> str:
    """Type `answers` where their prompt comes; a callable gets what was shown so far. All that was shown."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-m", "tools.cli", *arguments])
    shown = ""
    waiting = list(answers.items())
    with open(terminal, "rb+", buffering=0) as screen:  # noqa: PTH123  # a descriptor
        while True:
            try:
                shown += screen.read(4096).decode(errors="replace")
            except OSError:  # the other side has closed
                break
            if waiting and waiting[0][0] in shown:
                answer = waiting.pop(0)[1]
                screen.write(f"{answer(shown) if callable(answer) else answer}\n".encode())
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, shown
    return shown


async def test_the_first_administrator_is_made_before_the_first_start_and_logs_in(
    config: Path, password_file: Path
) -> None:
    arguments = ("user", "add", "olena", "--config", config, "--password-file", password_file)
    assert "administrator" in vuzol(*arguments, "--role", "technician").stderr
    assert vuzol(*arguments, "--role", "administrator").returncode == 0
    assert stat.S_IMODE((config.parent / "vuzol.sqlite3").stat().st_mode) == 0o600
    async with controlling(config) as controller:
        base_url = f"http://127.0.0.1:{controller.http_port}"
        async with httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
            credentials = {"name": "olena", "password": PASSWORD}
            assert (await client.post("/api/v1/login", json=credentials)).status_code == 200
            # all of it works while the controller runs, and holds at once
            assert vuzol("user", "add", "taras", "--role", "administrator", *arguments[3:]).returncode == 0
            assert vuzol("user", "lock", "olena", "--config", config).returncode == 0
            assert (await client.get("/api/v1/me")).status_code == 401
            assert vuzol("user", "unlock", "olena", "--config", config).returncode == 0
            assert (await client.post("/api/v1/login", json=credentials)).status_code == 200
        # the operator's commands need no more than the configuration; elsewhere a token is needed
        assert vuzol("ledger", "--config", config).returncode == 0
        nobody = vuzol("ledger", "--url", base_url)
        assert (nobody.returncode, "--token-file" in nobody.stderr) == (2, True)
        token = config.parent / "olena.token"
        made = told(vuzol("token", "add", "olena", "--label", "ledger", "--scope", "ledger.see", "--out", token,
                          "--config", config, "--json"))  # fmt: skip
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        assert vuzol("ledger", "--url", base_url, "--token-file", token).returncode == 0
        assert vuzol("export", "air", "--out", token.with_suffix(".csv"), "--url", base_url, "--token-file", token
                     ).returncode == 2  # fmt: skip
        assert vuzol("token", "revoke", str(made["id"]), "--config", config).returncode == 0
        assert vuzol("ledger", "--url", base_url, "--token-file", token).returncode == 2
    words = controller.words()
    assert PASSWORD not in words
    whole = told(vuzol("audit", "verify", "--config", config, "--json"))
    shown = vuzol("audit", "show", "--config", config, "--lang", "uk").stdout
    assert whole["whole"]
    assert "self.log_in" in shown
    out = config.parent / "audit.log"
    told(vuzol("audit", "export", "--out", out, "--format", "syslog", "--config", config, "--json"))
    assert len(out.read_text(encoding="utf-8").splitlines()) == whole["rows"]


def test_a_password_is_asked_twice_and_never_shown_and_a_second_factor_is_enrolled_at_the_terminal(
    config: Path,
) -> None:
    shown = at_a_terminal(
        ["user", "add", "olena", "--role", "administrator", "--config", str(config), "--lang", "en"],
        {"not shown": PASSWORD, "same again": PASSWORD},
    )
    assert "olena is added" in shown
    assert PASSWORD not in shown

    def code(so_far: str) -> str:
        return pyotp.TOTP(re.findall(r"\b[A-Z2-7]{32}\b", so_far)[0]).now()

    shown = at_a_terminal(["user", "totp", "olena", "--config", str(config), "--lang", "en"], {"shows now": code})
    assert "▀" in shown, "the QR code"
    (person,) = json.loads(vuzol("user", "list", "--config", config, "--json").stdout)
    assert (person["name"], person["has_totp"], person["roles"]) == ("olena", True, ["administrator"])
    told(vuzol("user", "totp", "olena", "--off", "--config", config, "--json"))


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("user", "add", "olena", "--role", "administrator"), "--password-file"),
        (("user", "add", "olena", "--role", "king", "--password-file", "{password}"), "technician"),
        (("user", "add", "Олена", "--role", "administrator", "--password-file", "{password}"), "a name is"),
        (("user", "add", "olena", "--role", "administrator", "--password-file", "{open}"), "chmod 600"),
        (("user", "password", "nobody", "--password-file", "{password}"), "nobody is called"),
        (("user", "totp", "nobody"), "terminal"),
        (("token", "add", "nobody", "--label", "x", "--scope", "town.see"), "nobody is called"),
        (("token", "revoke", "7"), "there is no token 7"),
        (("audit", "verify", "--seen", "7"), "NUMBER:SEAL"),
    ],
)
def test_what_cannot_be_done_ends_in_one_sentence(
    config: Path, password_file: Path, command: tuple[str, ...], says: str
) -> None:
    readable = config.parent / "open"
    readable.write_text(PASSWORD, encoding="utf-8")
    readable.chmod(0o644)
    done = vuzol(*(one.format(password=password_file, open=readable) for one in command), "--config", config)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_a_token_that_cannot_be_written_down_is_not_left_in_force(config: Path, password_file: Path) -> None:
    common = ("olena", "--config", config)
    vuzol("user", "add", *common, "--role", "administrator", "--password-file", password_file)
    out = config.parent / "no such folder" / "token"
    assert vuzol("token", "add", *common, "--label", "x", "--scope", "town.see", "--out", out).returncode == 2
    assert json.loads(vuzol("token", "list", "--config", config, "--json").stdout) == []


def test_verify_tells_the_first_broken_row_and_whether_a_row_that_was_seen_stands_still(
    config: Path, password_file: Path
) -> None:
    common = ("--config", config, "--password-file", password_file)
    for name in ("olena", "taras", "ivan"):
        vuzol("user", "add", name, "--role", "administrator", *common)
    seen = str(told(vuzol("audit", "verify", "--config", config, "--json"))["head"])
    assert seen.startswith("3:")
    vuzol("user", "remove", "ivan", "--config", config)
    assert vuzol("audit", "verify", "--seen", seen, "--config", config).returncode == 0
    with sqlite3.connect(config.parent / "vuzol.sqlite3") as db:
        db.execute("DROP TRIGGER audit_is_whole")
        db.execute("DELETE FROM audit WHERE id > 2")
    missing = vuzol("audit", "verify", "--seen", seen, "--config", config, "--lang", "en")
    assert (missing.returncode, "Row 3 is not what you saw" in missing.stdout) == (1, True)
    with sqlite3.connect(config.parent / "vuzol.sqlite3") as db:
        db.execute("DROP TRIGGER audit_stays")
        db.execute("UPDATE audit SET actor = 'taras' WHERE id = 2")
    broken = vuzol("audit", "verify", "--config", config, "--lang", "en")
    assert (broken.returncode, "broken at row 2" in broken.stdout) == (1, True)
