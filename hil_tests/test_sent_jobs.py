"""A job goes over the controller: sealed in the office, fetched and done by its technician, readable to nobody else."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulation.plugged import plugged
from hil_tests.conftest import Controller, eventually, free_port
from hil_tests.test_install import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def controller(office: Office) -> Iterator[Controller]:
    http, mqtt = free_port(), free_port()
    office.config.write_text(
        f'[http]\nport = {http}\n[mqtt]\nport = {mqtt}\n[access]\nopen_as = "tester"\n'
        f'[commissioning]\ntechnicians = ["{office.technician}"]\n'
    )
    controller = Controller(office.config, http)
    yield controller
    controller.stop()


def refused(office: Office, *arguments: str | Path) -> str:
    """The one sentence of a command that ends with status 2."""
    done = office.typed(*arguments)
    assert done.returncode == 2, done
    (sentence,) = done.stderr.strip().splitlines()
    return sentence


@pytest.mark.needs("city", "network", "port")
@pytest.mark.timeout(300)
def test_a_job_is_sent_fetched_and_installed_and_its_key_is_readable_nowhere_on_its_way(
    office: Office, controller: Controller
) -> None:
    at, bag = ("--url", controller.url), office.folder / "bag"
    bag.mkdir()
    job = office.make("--board", "unix", "--modbus", "tcp:17", "--for", office.technician)
    sealed = json.loads(job.read_text())["secrets"]
    controller.start()
    status, sent = office.vuzol("job", "send", job, *at)
    assert (status, list(sent["nodes"].values())) == (0, ["Трамвай 17"])
    status, listed = office.vuzol("job", "list", *at)
    assert listed == [sent]
    status, (fetched,) = office.vuzol("job", "fetch", "--to", bag, *at)
    file = Path(fetched["file"])
    assert (status, fetched["new"], json.loads(file.read_text())["secrets"]) == (0, True, sealed)

    with plugged("unix", "fare_validator", office.folder / "board") as board:
        board.handle.gnss.move(49.99, 36.23)
        status, told = office.install(file, board, *at)
        assert (status, told["red"], told["sent"], [told["node"]]) == (0, "", True, list(sent["nodes"])), told
    assert json.loads(file.read_text())["secrets"] == {}
    eventually("what is done is off the list", lambda: controller.get("/api/v1/jobs") == [])
    assert office.vuzol("job", "fetch", "--to", bag, *at) == (1, [])

    settings = json.loads((office.folder / "board" / "settings.json").read_text())
    keys = [settings["key"].encode(), settings["config"]["city_key"].encode()]
    on_the_way = [job, *bag.rglob("*"), *(office.folder / "data").rglob("*")]
    found = [path for path in on_the_way if path.is_file() and any(key in path.read_bytes() for key in keys)]
    assert found == []


@pytest.mark.needs("network", "port")
@pytest.mark.timeout(120)
def test_a_plain_job_is_not_sent_and_a_sealed_one_is_of_no_use_to_another_technician(office: Office) -> None:
    nowhere = "--url", "http://127.0.0.1:1"  # it is refused before anybody is asked
    assert "lie open" in refused(office, "job", "send", office.make("--board", "unix"), *nowhere)
    (office.folder / "tram.job").unlink()
    job = office.make("--board", "unix", "--for", office.technician)
    (office.folder / "config" / "vuzol" / "technician.key").unlink()
    sentence = refused(office, "install", job, "--port", "/dev/null")
    assert f"for the technician {office.technician[:16]}…" in sentence
    assert refused(office, "provision", "--job", job, "--port", "/dev/null") == sentence
    status, shown = office.vuzol("job", "show", job)
    assert (status, shown["technician"], shown["nodes"][0]["open"]) == (0, office.technician, True)
