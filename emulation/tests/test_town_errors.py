"""A town that fails tells a person one sentence, wherever in its life it fails."""

import asyncio
from pathlib import Path

import pytest

from emulation.town import Reporter, TownError, TownPlan, run, town
from emulation.town.controller_child import ControllerChild


async def test_a_controller_that_stops_answering_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(town, "ONLINE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(ControllerChild, "get", never)
    reporter = Reporter(lambda *_: None, lambda _: None, lambda _: None)
    plan = TownPlan(validators=1, displays=1, seconds=0.1, port=0, folder=tmp_path)
    with pytest.raises(TownError, match="the controller does not answer"):
        await run(plan, asyncio.Event(), reporter)
