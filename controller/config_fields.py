"""Kinds of keys that a configuration is made of, and the one error that it has.

Never reads a file. Specification: config.py, which checks what is said of a key here.
"""

import ipaddress
from dataclasses import field
from typing import Any


class ConfigError(Exception):
    """The configuration cannot be used; the text is one sentence that names the key and what to do."""


def is_loopback(host: str) -> bool:
    """True when nobody but this machine can reach it."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def path() -> Any:
    """A key that holds a path, taken from the folder of the configuration file."""
    return field(default="", metadata={"path": True})


def positive(default: float) -> Any:
    """A number above 0."""
    return field(default=default, metadata={"positive": True})


def port(default: int) -> Any:
    """A port, or 0 for any free one."""
    return field(default=default, metadata={"port": True})


def days() -> Any:
    """How long; 0 is for ever."""
    return field(default=0, metadata={"positive_or_0": True})
