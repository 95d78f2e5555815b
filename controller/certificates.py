"""The certificates that this controller shows to others, and when each expires.

Never reads a key. Specification: RFC 5280, 4.1.2.5 (validity); the files are those of the configuration.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cryptography import x509

from controller.config import Config


def expiries(config: Config) -> Iterator[tuple[str, float]]:
    """(file, Unix time) of each; what cannot be read fails where it is used."""
    files = [
        config.http.tls_cert,
        config.mqtt.server_cert,
        config.mqtt.cert_file,
        *(bus.cert_file for bus in config.bus),
    ]
    for file in filter(None, dict.fromkeys(files)):
        with suppress(OSError, ValueError):
            shown = x509.load_pem_x509_certificates(Path(file).read_bytes())[0]
            yield file, shown.not_valid_after_utc.timestamp()
