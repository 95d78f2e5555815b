"""A running controller for every test that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.access.tests.running import House, running


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """With nobody let in but by login or token."""
    async with running(tmp_path, monkeypatch) as one:
        yield one
