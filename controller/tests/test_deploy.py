"""Rules, dashboard and units name what there is.

Specification: controller/deploy/README.md.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from controller.config import parse
from controller.tests.peer import Peer
from controller.tests.process import controlling, write_files
from protocols.provisioning import NodeEntry

DEPLOY = Path(__file__).parents[1] / "deploy"
CREDENTIALS = DEPLOY / "credentials.conf"
FIGURE = re.compile(r"vuzol_[a-z_]+")


async def test_every_figure_of_the_rules_and_the_dashboard_is_measured(tmp_path: Path) -> None:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    asked = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    asked += " ".join(["", *re.findall(r"expr: (.*)", (DEPLOY / "alerts.yml").read_text(encoding="utf-8"))])
    peer = Peer(NodeEntry(bytes(7) + b"\xa1", bytes(range(32)), "demo", "fare_validator", "Bus 17"))
    async with controlling(write_files(tmp_path, [peer.entry])) as controller:
        measured = set(FIGURE.findall(await controller.get("/metrics")))
    assert set(FIGURE.findall(asked)) <= measured
    assert len(set(FIGURE.findall(asked))) > 10


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_reads_the_units(tmp_path: Path) -> None:
    units = []
    for unit in [*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")]:
        text = unit.read_text(encoding="utf-8").replace("/opt/vuzol/.venv/bin/vuzol", "/bin/true")
        units.append(tmp_path / unit.name)
        units[-1].write_text(text, encoding="utf-8")
    (tmp_path / "vuzol.service.d").mkdir()
    shutil.copy(CREDENTIALS, tmp_path / "vuzol.service.d")
    told = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    ours = [line for line in told.stderr.splitlines() if "vuzol" in line]
    assert ours == []
    assert told.returncode == 0, told.stderr


def test_what_systemd_hands_over_is_named_by_keys_of_the_configuration(tmp_path: Path) -> None:
    text = CREDENTIALS.read_text(encoding="utf-8")
    environment = dict(line.split("=", 1) for line in re.findall(r"^Environment=(.*)$", text, re.MULTILINE))
    handed = {name: value.replace("%d", "/run/credentials/vuzol.service") for name, value in environment.items()}
    certificates = 'tls_cert = "page.crt"\n[mqtt]\ncert_file = "controller.crt"\nserver_cert = "broker.crt"\n'
    read = parse(f"[http]\n{certificates}", handed, tmp_path)
    assert read.nodes.master_key == "/run/credentials/vuzol.service/master.key"
    assert {Path(name).name for name in handed.values()} == set(
        re.findall(r"^LoadCredential=(.*):", text, re.MULTILINE)
    )
