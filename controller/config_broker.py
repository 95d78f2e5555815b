"""The keys of a broker: where it is, what it asks of us, and whom our own lets in.

Never opens what it names. Specification: vuzol.example.toml and relay.example.toml beside this file.
"""

from dataclasses import dataclass

from controller.config_fields import ConfigError, path, port

RELAY_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """A broker that runs already, and what it asks of us."""

    host: str = "127.0.0.1"
    port: int = port(1883)
    username: str = ""
    password_file: str = path()
    tls: bool = False
    ca_file: str = path()
    cert_file: str = path()
    key_file: str = path()

    def __post_init__(self) -> None:
        if bool(self.cert_file) != bool(self.key_file):
            raise ConfigError("mqtt.cert_file and mqtt.key_file go together: write both, or none.")


@dataclass(frozen=True, slots=True)
class MqttConfig(BrokerConfig):
    """The controller's broker: its own child process, or one that runs already."""

    embedded: bool = True
    acl: bool = True
    server_cert: str = path()
    server_key: str = path()
    certificates: str = path()

    def __post_init__(self) -> None:
        BrokerConfig.__post_init__(self)
        if not (self.embedded or self.port):
            raise ConfigError("mqtt.port 0 is for the embedded broker alone: write the port of yours.")
        if self.embedded and self.tls and not (self.server_cert and self.server_key):
            raise ConfigError("mqtt.tls of the embedded broker needs mqtt.server_cert and mqtt.server_key: write both.")
        if self.certificates and not (self.embedded and self.tls and self.acl and self.ca_file and self.cert_file):
            raise ConfigError(
                "mqtt.certificates needs the embedded broker with mqtt.tls, mqtt.acl, mqtt.ca_file, mqtt.cert_file and "
                "mqtt.key_file: write them."
            )


@dataclass(frozen=True, slots=True)
class RelayAccessConfig:
    """A relay that the broker lets in, and the nodes in whose name it speaks."""

    name: str
    nodes: tuple[str, ...]
    password_file: str = path()

    def __post_init__(self) -> None:
        if not self.name or not set(self.name) <= RELAY_LETTERS or self.name == "controller":
            raise ConfigError(f"relay.name must be of a-z, 0-9 and -, and not controller: {self.name!r} is not.")
        for node in self.nodes:
            if len(node) != 16 or not set(node) <= set("0123456789abcdef"):
                raise ConfigError(f"relay {self.name!r} has a node {node!r}: write its 16 hexadecimal digits.")
