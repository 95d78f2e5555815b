"""`vuzol ca`, `vuzol keys`, `vuzol broker-acl` as a person types them.

Specification: tools/README.md; controller/admin/README.md.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NODE = "00000000000000a1"


def vuzol(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.cli", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "LANG": "en"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False, env=environment)


def ca(folder: Path, *arguments: str) -> Any:
    """The answer to a command that is done."""
    done = vuzol(folder, "ca", *arguments, "--passphrase-file", "ca.passphrase", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listed(folder: Path) -> list[tuple[str, str, bool]]:
    rows = json.loads(vuzol(folder, "ca", "list", "--json").stdout)
    return [(row["name"], row["role"], bool(row["revoked_s"])) for row in rows]


def test_an_authority_from_its_first_key_to_a_revoked_node(tmp_path: Path) -> None:
    assert ca(tmp_path, "init", "--dry-run")["dry_run"]
    assert list(tmp_path.iterdir()) == []
    ca(tmp_path, "init", "--name", "town")
    ca(tmp_path, "server", "broker", "--host", "127.0.0.1")
    ca(tmp_path, "node", NODE)
    before = listed(tmp_path)
    assert before == [("town", "authority", False), ("broker", "server", False), (NODE, "node", False)]
    assert ca(tmp_path, "revoke", NODE, "--dry-run")["certificates"][0]["name"] == NODE
    assert listed(tmp_path) == before
    ca(tmp_path, "revoke", NODE)
    assert listed(tmp_path)[-1] == (NODE, "node", True)
    told = vuzol(tmp_path, "ca", "node", "Bus17", "--passphrase-file", "ca.passphrase")
    assert (told.returncode, len(told.stderr.splitlines())) == (2, 1)
    secret = (tmp_path / "ca.passphrase").read_text(encoding="ascii").strip()
    assert secret not in "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "ca").iterdir())


def test_mosquittos_files_hold_names_and_hashes_alone(tmp_path: Path) -> None:
    made = vuzol(
        tmp_path, "provision", "--registry", "nodes.json", "--settings", "settings.json", "--site", "demo",
        "--kind", "utility_meter", "--name", "House 7", "--json",
    )  # fmt: skip
    node = json.loads(made.stdout)["node"]
    (tmp_path / "vuzol.toml").write_text("[mqtt]\nembedded = false\n", encoding="utf-8")
    assert json.loads(vuzol(tmp_path, "keys", "rotate", "--config", "vuzol.toml", "--json").stdout) == {
        "sealed": 1,
        "second_factors": 0,
    }
    done = vuzol(tmp_path, "broker-acl", "--config", "vuzol.toml", "--to", "broker")
    assert done.returncode == 0, done.stderr
    assert f"user {node}\ntopic write vuzol/1/demo/{node}/up\n" in (tmp_path / "broker" / "acl").read_text("utf-8")
    assert (tmp_path / "broker" / "passwords").read_text(encoding="utf-8").startswith(f"{node}:$7$")
    (tmp_path / "vuzol.toml").write_text("", encoding="utf-8")
    refused = vuzol(tmp_path, "broker-acl", "--config", "vuzol.toml", "--to", "broker")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
