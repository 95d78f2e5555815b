"""The one configuration object of a controller, read from one TOML file.

Never opens what it names: paths are made absolute here, and whoever owns the thing opens it.
Specification: vuzol.example.toml beside this file documents every key; a test keeps the two together.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

from controller.config_broker import BrokerConfig as BrokerConfig
from controller.config_broker import MqttConfig as MqttConfig
from controller.config_broker import RelayAccessConfig as RelayAccessConfig
from controller.config_fields import ConfigError as ConfigError
from controller.config_fields import days as _days
from controller.config_fields import is_loopback as is_loopback
from controller.config_fields import path as _path
from controller.config_fields import port as _port
from controller.config_fields import positive as _positive

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ENVIRONMENT_PREFIX = "VUZOL_"
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
MAX_UNIT = 247

T = TypeVar("T", bound="DataclassInstance")


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
    tls_cert: str = _path()
    tls_key: str = _path()
    plain: bool = False

    def __post_init__(self) -> None:
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ConfigError("http.tls_cert and http.tls_key go together: write both, or none.")
        if not (self.tls_cert or self.plain or is_loopback(self.host)):
            raise ConfigError(
                f"http.host {self.host} opens the page to the network without TLS: write http.tls_cert and tls_key "
                "(vuzol ca server), or http.plain = true where something before us speaks TLS."
            )


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
    master_key: str = field(default="master.key", metadata={"path": True})


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
class DeviceConfig:
    """A device of somebody else's on a bus; its template says what can be read of it."""

    unit: int
    name: str
    template: str = field(metadata={"toml": True})  # a template of ours, or the path of a .toml file


@dataclass(frozen=True, slots=True)
class BusConfig:
    """A serial line or a TCP connection with Modbus units on it."""

    name: str
    transport: str = field(metadata={"choices": ("rtu", "rtu_tcp", "tcp", "tls")})
    address: str  # a serial port's path, or host:port
    baud: int = _positive(9600)
    parity: str = field(default="none", metadata={"choices": ("none", "even", "odd")})
    timeout_s: float = _positive(1.0)
    poll_s: float = _positive(1.0)
    nodes: tuple[int, ...] = ()
    device: tuple[DeviceConfig, ...] = ()
    ca_file: str = _path()
    cert_file: str = _path()
    key_file: str = _path()

    def __post_init__(self) -> None:
        units = [*self.nodes, *(one.unit for one in self.device)]
        for unit in units:
            if not 1 <= unit <= MAX_UNIT:
                raise ConfigError(f"bus {self.name!r} has a unit {unit}: a unit is a number from 1 to {MAX_UNIT}.")
            if units.count(unit) > 1:
                raise ConfigError(f"bus {self.name!r} has unit {unit} twice: give each its own number.")
        host, _, port = self.address.rpartition(":")
        if self.transport != "rtu" and not (host and port.isdigit() and 1 <= int(port) <= 65535):
            raise ConfigError(f"bus {self.name!r} has address {self.address!r}: write host:port, as 10.0.0.7:502.")


@dataclass(frozen=True, slots=True)
class AlarmsConfig:
    """What a town changes of alarm_rules.toml, in a file of its own."""

    rules: str = _path()


@dataclass(frozen=True, slots=True)
class AccessConfig:
    """How long a login lasts, how often somebody may ask, where the audit goes too."""

    open_as: str = ""
    idle_minutes: float = _positive(30.0)
    login_hours: float = _positive(12.0)
    logins_per_person: int = _positive(5)
    requests_per_s: float = _positive(100.0)
    syslog: str = ""


@dataclass(frozen=True, slots=True)
class CommissioningConfig:
    """Whose signed records of work on the spot are believed, and how long jobs wait for them."""

    technicians: tuple[str, ...] = ()
    job_days: int = _positive(30)

    def __post_init__(self) -> None:
        if not all(len(key) == 64 and set(key.lower()) <= set("0123456789abcdef") for key in self.technicians):
            raise ConfigError(
                "commissioning.technicians are public keys of 64 hexadecimal digits, as vuzol report tells."
            )


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What the console shows that is not the town's own."""

    tiles: str = ""
    tiles_credit: str = ""


@dataclass(frozen=True, slots=True)
class RetentionConfig:
    """How many days of what is kept; 0: for ever."""

    samples_days: int = _days()
    positions_days: int = _days()
    statuses_days: int = _days()
    glass_days: int = _days()
    results_days: int = _days()
    hour: int = field(default=3, metadata={"positive_or_0": True})

    def __post_init__(self) -> None:
        if self.hour > 23:
            raise ConfigError(f"retention.hour must be from 0 to 23, not {self.hour}: correct it.")


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
    bus: tuple[BusConfig, ...] = ()
    relay: tuple[RelayAccessConfig, ...] = ()
    alarms: AlarmsConfig = field(default_factory=AlarmsConfig)
    access: AccessConfig = field(default_factory=AccessConfig)
    commissioning: CommissioningConfig = field(default_factory=CommissioningConfig)
    web: WebConfig = field(default_factory=WebConfig)
    retention: RetentionConfig = field(default_factory=RetentionConfig)
    log: LogConfig = field(default_factory=LogConfig)

    def __post_init__(self) -> None:
        if self.access.open_as and not is_loopback(self.http.host):
            raise ConfigError(
                f"access.open_as lets everybody in and http.host {self.http.host} opens the page to the network: "
                "empty open_as, or set http.host to 127.0.0.1."
            )


def sections(whole: type[Any] = Config) -> dict[str, type[Any]]:
    """Section name -> its dataclass."""
    return {f.name: f.type for f in fields(whole) if isinstance(f.type, type) and is_dataclass(f.type)}


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
        value = table.get(key, one.default)
        if value is MISSING:
            raise ConfigError(f"{name}.{key} is missing: write it into the configuration.")
        if get_origin(one.type) is tuple:
            values[key] = _rows(f"{name}.{key}", get_args(one.type)[0], value, folder)
            continue
        assert isinstance(one.type, type)
        variable = f"{ENVIRONMENT_PREFIX}{name}__{key}".upper()
        if variable in environment:
            value = _from_environment(variable, environment[variable], one.type)
        value = _check(f"{name}.{key}", value, one.type, one.metadata)
        is_path = value and (one.metadata.get("path") or (one.metadata.get("toml") and value.endswith(".toml")))
        values[key] = str(folder / value) if is_path else value
    return kind(**values)


def _rows(name: str, kind: type[Any], found: object, folder: Path) -> tuple[Any, ...]:
    """A list of values, or of tables: [[bus]]."""
    if not isinstance(found, list | tuple):
        raise ConfigError(f"{name} must be a list, not {found!r}: correct it in the configuration.")
    if is_dataclass(kind):
        return tuple(_section(name, kind, one, {}, folder) for one in found)
    return tuple(_check(name, one, kind, {}) for one in found)


def parse(text: str, environment: Mapping[str, str], folder: Path) -> Config:
    """Read a controller's configuration. Raises ConfigError. Relative paths start at `folder`."""
    return parse_as(Config, text, environment, folder)


def parse_as(whole: type[T], text: str, environment: Mapping[str, str], folder: Path) -> T:
    """Read a configuration of the shape of the dataclass `whole`. Raises ConfigError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The configuration is not TOML ({error}): correct that line.") from None
    known = sections(whole)
    rows = {f.name: get_args(f.type)[0] for f in fields(whole) if get_origin(f.type) is tuple}
    for name in document:
        if name not in known and name not in rows:
            raise ConfigError(f"[{name}] is unknown: remove it, or use one of {', '.join([*known, *rows])}.")
    for variable in environment:
        name, _, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if not variable.startswith(ENVIRONMENT_PREFIX) or not key:
            continue
        if name not in known or key not in {f.name for f in fields(known[name])}:
            raise ConfigError(f"{variable} in the environment names no key: unset it or correct its name.")
    tables = {name: _section(name, kind, document.get(name, {}), environment, folder) for name, kind in known.items()}
    lists = {name: _rows(name, kind, document.get(name, ()), folder) for name, kind in rows.items()}
    return whole(**tables, **lists)


def load(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read the controller's file at `path`. Raises ConfigError."""
    return load_as(Config, path, environment)


def load_as(whole: type[T], path: Path, environment: Mapping[str, str] | None = None) -> T:
    """Read the file at `path` into the dataclass `whole`. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(
            f"Cannot read the configuration {path} ({reason}): name another, or begin with a copy of "
            "controller/vuzol.example.toml."
        ) from None
    return parse_as(whole, text, os.environ if environment is None else environment, path.resolve().parent)
