"""A document for a node: put out over HTTP, pulled over the link in chunks, through a power cut, in force once whole.

Never looks into the node's flash: what it holds is what it reports.
Specification: protocols/WIRE.md, "Documents".
"""

import os
from typing import Any

import httpx

from hil_tests.conftest import City, eventually


def copy_of(city: City, node: str) -> dict[str, Any]:
    told = city.controller.get("/api/v1/documents")
    return next((one for one in told["copies"] if one["node"] == node), {})


def put(city: City, data: bytes, **params: str) -> int:
    answer = httpx.put(f"{city.controller.url}/api/v1/documents/font", content=data, params=params, trust_env=False)
    return int(answer.status_code)


def test_a_document_reaches_the_display_though_its_power_fails_on_the_way(city: City) -> None:
    display = city.display_name
    assert put(city, os.urandom(20_000), kind="stop_display") == 200
    eventually("the first chunks", lambda: copy_of(city, display)["offset"] >= 4096)
    city.display.cut_power()
    assert copy_of(city, display)["held"] == 0
    city.display.start()
    eventually("the document in force", lambda: copy_of(city, display)["held"] == 1)
    assert copy_of(city, display)["state"] == "held"
    assert copy_of(city, city.validator_name) == {}
    eventually("every record has its receipt", lambda: city.reconciles(display))


def test_a_document_that_does_not_fit_is_refused_by_the_node_and_that_is_seen(city: City) -> None:
    display = city.display_name
    assert put(city, bytes(300_000), node=display) == 200
    eventually("the refusal", lambda: copy_of(city, display)["state"] == "refused")
    assert copy_of(city, display)["reason"] == "no_space"
