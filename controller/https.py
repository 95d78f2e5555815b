"""TLS of the page and the API: the certificate, read again when its files change; browsers told to insist on it.

Never serves a certificate whose key others may read, and keeps the last good one when the files are broken.
Specification: RFC 8446, RFC 6797.
"""

import asyncio
import ssl
from pathlib import Path

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.config import ConfigError, HttpConfig
from controller.secret_files import is_open_to_others

LOOK_S = 2.0
HSTS = (b"strict-transport-security", b"max-age=31536000")

log = structlog.get_logger("https")


def server_context(config: HttpConfig) -> ssl.SSLContext | None:
    """None: plain HTTP. Raises ConfigError."""
    if not config.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, config)
    return context


def _load(context: ssl.SSLContext, config: HttpConfig) -> None:
    try:
        if is_open_to_others(Path(config.tls_key)):
            raise ConfigError(f"http.tls_key {config.tls_key} may be read by others: type chmod 600 {config.tls_key}.")
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError):
        raise ConfigError(
            f"http.tls_cert {config.tls_cert} and http.tls_key are no certificate with its key: correct the paths."
        ) from None


async def keep_fresh(context: ssl.SSLContext, config: HttpConfig) -> None:
    """Who comes after a renewal gets the new certificate; connections go on. Runs for ever."""
    files = Path(config.tls_cert), Path(config.tls_key)
    seen = _marks(files)
    while True:
        await asyncio.sleep(LOOK_S)
        marks = _marks(files)
        if marks == seen:
            continue
        seen = marks
        try:
            _load(context, config)
            log.info("the page's certificate is read anew")
        except ConfigError as error:
            log.error("the page's certificate stays as it was", error=str(error))


def _marks(files: tuple[Path, ...]) -> list[int]:
    return [file.stat().st_mtime_ns if file.exists() else 0 for file in files]


def insisting(app: ASGIApp) -> ASGIApp:
    """The application, each answer of which tells a browser to come by TLS from now on."""

    async def insist(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), HSTS]
            await send(message)

        await app(scope, receive, send_on)

    return insist
