"""The configuration: every key documented, every mistake told in one sentence.

Never starts anything.
Specification: controller/vuzol.example.toml.
"""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from controller import config
from controller.config import Config, ConfigError
from controller.registry import load_registry
from controller.tests.peer import make_entry
from protocols.provisioning import registry_text

EXAMPLE = Path(__file__).parents[1] / "vuzol.example.toml"


def _as_default(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def test_the_example_holds_every_key_with_its_default_and_nothing_else() -> None:
    example = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    known = {name: {f.name: f.default for f in fields(kind)} for name, kind in config.sections().items()}
    assert {name: {key: _as_default(value) for key, value in keys.items()} for name, keys in example.items()} == known


def test_every_key_of_the_example_has_a_comment() -> None:
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            assert "#" in line, line


def test_an_empty_file_is_a_whole_configuration_with_paths_beside_it(tmp_path: Path) -> None:
    read = config.parse("", {}, tmp_path)
    assert read.http == Config().http
    assert read.store.path == str(tmp_path / "vuzol.sqlite3")
    assert read.transit.feed == ""


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    environment = {
        "VUZOL_HTTP__PORT": "9000",
        "VUZOL_MQTT__EMBEDDED": "false",
        "VUZOL_SITE__NAME": "kryvyi-rih",
        "VUZOL_DISPLAYS__REFRESH_S": "5",
        "VUZOL_BUS_FD": "3",
        "PATH": "/bin",
    }
    read = config.parse("[http]\nport = 1", environment, tmp_path)
    assert (read.http.port, read.mqtt.embedded, read.site.name, read.displays.refresh_s) == (
        9000, False, "kryvyi-rih", 5.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "environment", "told"),
    [
        ("[http]\nprot = 1", {}, "http.prot is unknown"),
        ("[htpp]", {}, "[htpp] is unknown"),
        ("http = 3", {}, "[http] must be a section"),
        ('[http]\nport = "80"', {}, "http.port must be a whole number"),
        ("[http]\nport = true", {}, "http.port must be a whole number"),
        ("[http]\nport = 70000", {}, "http.port must be a port"),
        ("[mqtt]\nembedded = false\nport = 0", {}, "mqtt.port 0 is for the embedded broker alone"),
        ("[mqtt]\nembedded = 1", {}, "mqtt.embedded must be true or false"),
        ("[site]\nname = 1", {}, "site.name must be text"),
        ("[displays]\nrows = 0", {}, "displays.rows must be above 0"),
        ("[store]\ngroup_ms = -1", {}, "store.group_ms must not be below 0"),
        ('[log]\nformat = "xml"', {}, "log.format must be one of console, json"),
        ("[http\n", {}, "not TOML"),
        ("", {"VUZOL_HTTP__PORT": "many"}, "VUZOL_HTTP__PORT in the environment must be a whole number"),
        ("", {"VUZOL_HTTP__PROT": "1"}, "VUZOL_HTTP__PROT in the environment names no key"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_key(
    text: str, environment: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        config.parse(text, environment, tmp_path)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Cannot read the configuration .*nowhere\.toml"):
        config.load(tmp_path / "nowhere.toml", {})


def test_the_registry_is_refused_when_others_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "nodes.json"
    with pytest.raises(ConfigError, match=r"nodes\.registry .* cannot be read"):
        load_registry(path, tmp_path / "master.key")
    path.write_text(registry_text([make_entry()]))
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_registry(path, tmp_path / "master.key")
    path.chmod(0o600)
    assert load_registry(path, tmp_path / "master.key") == (make_entry(),)
    path.write_text("{}")
    with pytest.raises(ConfigError, match=r"nodes\.registry .* correct the entry"):
        load_registry(path, tmp_path / "master.key")
