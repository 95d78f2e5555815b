"""A running controller, asked over HTTP: found by its address or by its configuration.

Never imports the controller: everybody may ask what a command may ask.
Specification: controller/README.md, "HTTP"; `<site.data>/ready.json`.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tools.errors import UsageError

DEFAULT_URL = "http://127.0.0.1:8080"
PATIENCE_S = 120.0  # counting a big database's rows takes its time


class Refused(Exception):
    """The controller's answer is no: its status, and what it said."""

    def __init__(self, status: int, told: Any) -> None:
        super().__init__(str(told))
        self.status = status
        self.told = told


def address(url: str, config: Path | None) -> str:
    """The controller's URL: as given, or as its ready.json says. Raises UsageError."""
    if url or config is None:
        return url or DEFAULT_URL
    try:
        data = tomllib.loads(config.read_text(encoding="utf-8")).get("site", {}).get("data", "data")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError) as error:
        raise UsageError(f"{config} cannot be read ({error}): name the controller's configuration") from None
    ready = config.resolve().parent / str(data) / "ready.json"
    try:
        return str(json.loads(ready.read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"no controller is ready at {ready}: start it with vuzol run, or give --url") from None


def ask(method: str, url: str, path: str, parameters: Mapping[str, str | bool], content: bytes | None = None) -> Any:
    """The JSON answer. Raises Refused for a no, UsageError when nobody answers."""
    try:
        with httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
            answer = client.request(method, path, params=dict(parameters), content=content)
            told = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        raise _nobody(url) from None
    if not answer.is_success:
        raise _refused(answer.status_code, told)
    return told


def download(url: str, path: str, parameters: Mapping[str, str]) -> Iterator[bytes]:
    """A long answer, part by part. Raises Refused for a no, UsageError when nobody answers or the answer breaks off."""
    begun = False
    try:
        with (
            httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as client,
            client.stream("GET", path, params=dict(parameters)) as answer,
        ):
            if not answer.is_success:
                raise _refused(answer.status_code, json.loads(answer.read()))
            begun = True
            yield from answer.iter_bytes()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        if begun:
            raise UsageError("the answer broke off: see the controller's log, then type the same again") from None
        raise _nobody(url) from None


def _refused(status: int, told: Any) -> Refused:
    return Refused(status, told.get("detail", told) if isinstance(told, dict) else told)


def _nobody(url: str) -> UsageError:
    return UsageError(f"no controller answers at {url}: start it with vuzol run, or give --url or --config")
