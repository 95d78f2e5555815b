"""The one configuration object of a controller, read from one TOML file.

Never opens what it names: paths are made absolute here, and whoever owns the thing opens it.
Specification: vuzol.example.toml beside this file documents every key; a test keeps the two together.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

ENVIRONMENT_PREFIX = "VUZOL_"
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class ConfigError(Exception):
    """The configuration cannot be used; the text is one sentence that names the key and what to do."""


def _path() -> Any:
    """A key that holds a path, taken from the folder of the configuration file."""
    return field(default="", metadata={"path": True})


def _positive(default: float) -> Any:
    return field(default=default, metadata={"positive": True})


def _port(default: int) -> Any:
    return field(default=default, metadata={"port": True})


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """Which site this is, and the folder for everything the controller keeps beside its database."""

    name: str = "demo"
    data: str = field(default="data", metadata={"path": True})


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """Where the page and the API listen."""

    host: str = "127.0.0.1"
    port: int = _port(8080)
    max_upload_mb: int = _positive(64)


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """The broker: our own child process, or one that runs already."""

    embedded: bool = True
    host: str = "127.0.0.1"
    port: int = _port(1883)
    username: str = ""
    password_file: str = _path()
    tls: bool = False
    ca_file: str = _path()


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """The database, and how long a commit may wait for company."""

    path: str = field(default="vuzol.sqlite3", metadata={"path": True})
    group_ms: int = field(default=10, metadata={"positive_or_0": True})
    group_envelopes: int = _positive(64)


@dataclass(frozen=True, slots=True)
class NodesConfig:
    """The registry of the nodes, with their keys."""

    registry: str = field(default="nodes.json", metadata={"path": True})


@dataclass(frozen=True, slots=True)
class TransitConfig:
    """Timetable, and which vehicle runs which block."""

    feed: str = _path()
    roster: str = _path()


@dataclass(frozen=True, slots=True)
class DisplaysConfig:
    """What stop displays are told, and how often."""

    refresh_s: float = _positive(20.0)
    check_s: float = _positive(2.0)
    change_s: int = _positive(15)
    ttl_s: int = _positive(60)
    rows: int = _positive(4)


@dataclass(frozen=True, slots=True)
class LogConfig:
    """How the log on standard error looks."""

    format: str = field(default="console", metadata={"choices": ("console", "json")})
    level: str = field(default="info", metadata={"choices": ("debug", "info", "warning", "error")})


@dataclass(frozen=True, slots=True)
class Config:
    """Everything; the sections are handed on one by one."""

    site: SiteConfig = field(default_factory=SiteConfig)
    http: HttpConfig = field(default_factory=HttpConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    nodes: NodesConfig = field(default_factory=NodesConfig)
    transit: TransitConfig = field(default_factory=TransitConfig)
    displays: DisplaysConfig = field(default_factory=DisplaysConfig)
    log: LogConfig = field(default_factory=LogConfig)


def sections() -> dict[str, type[Any]]:
    """Section name -> its dataclass."""
    return {f.name: f.type for f in fields(Config) if isinstance(f.type, type) and is_dataclass(f.type)}


def _check(key: str, value: object, kind: type[Any], rules: Mapping[str, Any]) -> Any:
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(f"{key} must be {_WORDS[kind]}, not {value!r}: correct it in the configuration.")
    if rules.get("positive") and value <= 0:  # type: ignore[operator]  # only numbers carry this rule
        raise ConfigError(f"{key} must be above 0, not {value}: correct it in the configuration.")
    if rules.get("positive_or_0") and value < 0:  # type: ignore[operator]  # only numbers carry this rule
        raise ConfigError(f"{key} must not be below 0, as {value} is: correct it in the configuration.")
    if rules.get("port") and not 0 <= value <= 65535:  # type: ignore[operator]  # only numbers carry this rule
        raise ConfigError(f"{key} must be a port from 1 to 65535 or 0 for a free one, not {value}: correct it.")
    if value not in rules.get("choices", (value,)):
        raise ConfigError(f"{key} must be one of {', '.join(rules['choices'])}, not {value!r}: correct it.")
    return value


def _from_environment(key: str, text: str, kind: type[Any]) -> object:
    if kind is str:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise ConfigError(f"{key} in the environment must be {_WORDS[kind]}, not {text!r}: correct it.") from None


def _section(name: str, kind: type[Any], table: object, environment: Mapping[str, str], folder: Path) -> Any:
    if not isinstance(table, dict):
        raise ConfigError(f"[{name}] must be a section, not {table!r}: write it as a table in the configuration.")
    known = {f.name: f for f in fields(kind)}
    for key in table:
        if key not in known:
            raise ConfigError(f"{name}.{key} is unknown: remove it, or use one of {', '.join(known)}.")
    values: dict[str, Any] = {}
    for key, one in known.items():
        assert isinstance(one.type, type)
        value = table.get(key, one.default)
        variable = f"{ENVIRONMENT_PREFIX}{name}__{key}".upper()
        if variable in environment:
            value = _from_environment(variable, environment[variable], one.type)
        value = _check(f"{name}.{key}", value, one.type, one.metadata)
        values[key] = str(folder / value) if one.metadata.get("path") and value else value
    return kind(**values)


def parse(text: str, environment: Mapping[str, str], folder: Path) -> Config:
    """Read a configuration. Raises ConfigError. Relative paths start at `folder`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The configuration is not TOML ({error}): correct that line.") from None
    known = sections()
    for name in document:
        if name not in known:
            raise ConfigError(f"[{name}] is unknown: remove it, or use one of {', '.join(known)}.")
    for variable in environment:
        name, _, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if not variable.startswith(ENVIRONMENT_PREFIX) or not key:
            continue
        if name not in known or key not in {f.name for f in fields(known[name])}:
            raise ConfigError(f"{variable} in the environment names no key: unset it or correct its name.")
    return Config(
        **{name: _section(name, kind, document.get(name, {}), environment, folder) for name, kind in known.items()}
    )


def load(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read the file at `path`. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"Cannot read the configuration {path} ({reason}): name an existing file.") from None
    return parse(text, os.environ if environment is None else environment, path.resolve().parent)
