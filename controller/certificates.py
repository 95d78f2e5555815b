"""The certificates that this controller shows to others, and when each expires.

Never reads a key. Specification: RFC 5280, 4.1.2.5 (validity); the files are those of the configuration.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cryptography import x509

from controller.config import Config


def shown(config: Config) -> list[str]:
    """The files."""
    files = (
        config.http.tls_cert,
        config.mqtt.server_cert,
        config.mqtt.cert_file,
        *(bus.cert_file for bus in config.bus),
    )
    return list(filter(None, dict.fromkeys(files)))


def expiries(config: Config) -> Iterator[tuple[str, float]]:
    """(file, Unix time) of each; what cannot be read fails where it is used."""
    for file in shown(config):
        with suppress(OSError, ValueError):
            first = x509.load_pem_x509_certificates(Path(file).read_bytes())[0]
            yield file, first.not_valid_after_utc.timestamp()
