"""A running controller, asked over HTTP: found by its address or by its configuration, with a token.

Never imports the controller: a command asks as everybody asks. Never shows a token.
Specification: controller/README.md, "HTTP"; `<site.data>/ready.json`, `<site.data>/operator.token`.
"""

import json
import os
import ssl
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tools.errors import UsageError

DEFAULT_URL = "http://127.0.0.1:8080"
CA_FILE = "VUZOL_CA_FILE"  # in the environment: the authority of a controller that is asked by --url https://…
TOKEN_FILE = "VUZOL_TOKEN_FILE"  # in the environment, where --token-file is not typed
UNAUTHORIZED = 401
PATIENCE_S = 120.0  # counting a big database's rows takes its time


class Refused(Exception):
    """The controller's answer is no: its status, and what it said."""

    def __init__(self, status: int, told: Any) -> None:
        super().__init__(str(told))
        self.status = status
        self.told = told


class Address(NamedTuple):
    """Where the controller is, what lets us in (an empty token: nothing), and whom we believe (empty: the system)."""

    url: str
    token: str
    believed: ssl.SSLContext | None = None


def address(url: str, config: Path | None, token_file: Path | None = None) -> Address:
    """The controller as given, or as its ready.json says; the operator's token beside that. Raises UsageError."""
    named = token_file or (Path(os.environ[TOKEN_FILE]) if os.environ.get(TOKEN_FILE) else None)
    data = None if config is None else _data(config)
    if named is None and data is not None and (data / "operator.token").exists():
        named = data / "operator.token"
    token = _token(named) if named else ""
    if url or data is None:
        authority = os.environ.get(CA_FILE, "")
        return Address(url or DEFAULT_URL, token, _believing(Path(authority)) if authority else None)
    ready = data / "ready.json"
    try:
        told = json.loads(ready.read_text(encoding="utf-8"))
        return Address(
            str(told["url"]), token, _its_own(Path(told["certificate"])) if told.get("certificate") else None
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError("fault_not_ready", file=ready) from None


def _believing(authority: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError):
        raise UsageError(f"{CA_FILE} names {authority}, which is no PEM certificate: correct it") from None


def _its_own(certificate: Path) -> ssl.SSLContext:
    """On its own machine a controller is known by its certificate itself, by whatever name it is called."""
    try:
        end = "-----END CERTIFICATE-----"
        leaf = certificate.read_text(encoding="ascii").split(end)[0] + end
        context = ssl.create_default_context(cadata=leaf)
    except (OSError, UnicodeDecodeError, ssl.SSLError):
        raise UsageError(f"{certificate} is no PEM certificate: correct http.tls_cert") from None
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _data(config: Path) -> Path:
    """The folder <site.data> of a configuration. Raises UsageError."""
    try:
        data = tomllib.loads(config.read_text(encoding="utf-8")).get("site", {}).get("data", "data")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError) as error:
        raise UsageError("fault_no_configuration", file=config, why=error) from None
    return config.resolve().parent / str(data)


def _token(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError("fault_no_token", file=file, why=reason) from None


def ask(method: str, to: Address, path: str, parameters: Mapping[str, Any], content: bytes | None = None) -> Any:
    """The JSON answer. Raises Refused for a no, UsageError when nobody answers."""
    try:
        with _client(to) as client:
            answer = client.request(method, path, params=dict(parameters), content=content)
            told = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _nobody(to.url, error) from None
    if not answer.is_success:
        raise _refused(answer.status_code, told)
    return told


def download(to: Address, path: str, parameters: Mapping[str, str]) -> Iterator[bytes]:
    """A long answer, part by part. Raises Refused for a no, UsageError when nobody answers or the answer breaks off."""
    begun = False
    try:
        with (
            _client(to) as client,
            client.stream("GET", path, params=dict(parameters)) as answer,
        ):
            if not answer.is_success:
                raise _refused(answer.status_code, json.loads(answer.read()))
            begun = True
            yield from answer.iter_bytes()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        if begun:
            raise UsageError("fault_answer_broke_off") from None
        raise _nobody(to.url, error) from None


def _client(to: Address) -> httpx.Client:
    headers = {"Authorization": f"Bearer {to.token}"} if to.token else {}
    return httpx.Client(
        base_url=to.url, headers=headers, timeout=PATIENCE_S, trust_env=False, verify=to.believed or True
    )


def _refused(status: int, told: Any) -> Refused:
    """Raises UsageError where a token is what is missing."""
    if status == UNAUTHORIZED:
        raise UsageError("fault_token_wanted")
    detail = told.get("detail", told) if isinstance(told, dict) else told
    if isinstance(detail, list):  # FastAPI's, about parameters
        detail = "; ".join(
            " ".join([*map(str, one["loc"][1:]), one["msg"].removeprefix("Value error, ")]) for one in detail
        )
    return Refused(status, detail)


def _nobody(url: str, error: Exception) -> UsageError:
    distrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
    return UsageError("fault_not_believed" if distrusted else "fault_nobody", url=url)
