"""Every operation of the API with what its schema allows and a little beyond: whatever comes, it is no fault of ours.

The controller is a process of its own, with a node and a feed; schemathesis makes the requests from /openapi.json.
Specification: OpenAPI 3.1; schemathesis.readthedocs.io.
"""

from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.core.result import Ok

from controller.tests.feed_files import street_feed, zipped
from controller.tests.peer import make_entry
from controller.tests.process import PORTS, controlling, write_files

FEED = '[transit]\nfeed = "feed.zip"\n'
EXAMPLES = 4  # an operation
NOT_TRIED = {"POST /api/v1/login"}  # its own limit answers after ten


@schemathesis.serializer("application/zip")
def as_it_is(_: object, value: Any) -> bytes:
    """A file is not JSON."""
    return value if isinstance(value, bytes) else repr(value).encode()


def tried(operation: Any, url: str) -> tuple[set[int], list[str]]:
    """The statuses of some requests, and those that are faults."""
    statuses: set[int] = set()
    faults: list[str] = []

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case[Any]) -> None:
        answer = case.call(base_url=url)
        statuses.add(answer.status_code)
        if answer.status_code >= 500:
            faults.append(f"{case.as_curl_command()}: {answer.status_code} {answer.text[:200]}")

    ask()
    return statuses, faults


async def test_no_operation_answers_any_request_with_a_fault(tmp_path: Path) -> None:
    config = write_files(tmp_path, [make_entry(1), make_entry(2, "stop_display", width=16, height=8)], PORTS + FEED)
    (tmp_path / "feed.zip").write_bytes(zipped(street_feed()))
    told: dict[str, set[int]] = {}
    faults: list[str] = []
    async with controlling(config) as controller:
        url = f"http://127.0.0.1:{controller.http_port}"
        for found in schemathesis.openapi.from_url(f"{url}/openapi.json").get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            if operation.label not in NOT_TRIED:
                told[operation.label], broken = tried(operation, url)
                faults += broken
    assert faults == [], controller.words()[-2000:]
    assert len(told) > 50, told
    assert sum(200 in statuses for statuses in told.values()) > 20, told
