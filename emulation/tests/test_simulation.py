"""Simulations: what a storm and a long outage leave in the ledger, that equal seeds are equal, and that a lie is found.

Must never know the wall clock: a slow machine passes as well as a fast one.
Specification: emulation/sim/README.md; protocol.md, "Proofs that must exist", 1 to 3.
"""

import asyncio
import dataclasses
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from emulation.sim import SimPlan, controller_in_time, fault_plan, load, run
from emulation.sim.fault_plan import ClockJumps, ControllerRestarts, FaultPlan, Messages, PowerCuts, Streams
from emulation.unix.lane import REPOSITORY

SEEDS = (1, 2, 3)
SHORT_STORM = FaultPlan(
    "short storm",
    power_cut=PowerCuts(per_node_hour=6, in_flash_share=0.8, off_s=(1, 20)),
    message=Messages(loss=0.05, duplicate=0.05, delay=0.05, bit_flip=0.02),
    stream=Streams(bit_flip=0.005),
    controller_restart=ControllerRestarts(per_hour=6, down_s=(1, 20)),
    clock_jump=ClockJumps(per_hour=4),
)

FORGETFUL = """

_open = Journal.open


def _open_and_forget_the_last(journal):
    _open(journal)
    journal.last_seq = max(0, journal.last_seq - 1)
    journal.receipted = min(journal.receipted, journal.last_seq)
    journal._floor = min(journal._floor, journal.last_seq)


Journal.open = _open_and_forget_the_last
"""


def reconciles(result: dict[str, Any]) -> bool:
    assert not result["ledger"]["differences"]
    assert result["records"]["stored"] == result["records"]["receipted"] == result["records"]["journalled"] > 0
    return bool(result["ledger"]["reconciles"])


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", SEEDS)
def test_six_hours_of_storm_lose_nothing_and_store_nothing_twice(seed: int) -> None:
    result = run(SimPlan(nodes=6, hours=6, seed=seed, faults=load("storm")))
    assert reconciles(result)
    rare = ("outages", "power_cuts_in_documents")
    assert all(count for what, count in result["faults"].items() if what not in rare), result["faults"]


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_night_without_a_network_loses_nothing_and_stores_nothing_twice(seed: int) -> None:
    result = run(SimPlan(nodes=6, hours=6, seed=seed, faults=load("outage-13h")))
    assert reconciles(result)
    assert result["virtual_hours"] > 13
    assert result["faults"]["outages"] == 6


@pytest.mark.timeout(900)
def test_equal_seeds_give_equal_traces_and_others_do_not() -> None:
    """A document is published in it; cuts that tear its flash cost neither it nor a record."""

    def run_with(seed: int) -> dict[str, Any]:
        result = run(SimPlan(nodes=3, hours=0.7, seed=seed, faults=SHORT_STORM))
        assert reconciles(result)
        assert result["documents"] == {"published": 1, "held": 3}
        return {key: result[key] for key in ("trace_hash", "faults", "records")}

    one = run_with(1)
    assert one["faults"]["power_cuts_in_documents"]
    assert run_with(1) == one
    assert run_with(2)["trace_hash"] != one["trace_hash"]


@pytest.mark.timeout(900)
def test_the_ledger_finds_a_receipt_that_went_out_before_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = controller_in_time.KillableWriter.run
    later = set()

    async def hasty(self: Any, call: Any, *args: Any) -> Any:
        async def commit() -> None:
            await asyncio.sleep(5)
            await honest(self, call, *args)

        if call.__name__ != "commit":
            return await honest(self, call, *args)
        later.add(asyncio.create_task(commit()))
        return []

    monkeypatch.setattr(controller_in_time.KillableWriter, "run", hasty)
    plan = FaultPlan(controller_restart=ControllerRestarts(per_hour=20, in_commit_share=0, down_s=(1, 2)))
    result = run(SimPlan(nodes=3, hours=1, seed=1, faults=plan))
    assert not result["ledger"]["reconciles"]
    assert result["records"]["lost"] > 0


@pytest.mark.timeout(900)
def test_the_ledger_finds_a_sequence_number_that_is_used_again_after_a_cut(tmp_path: Path) -> None:
    shutil.copytree(
        REPOSITORY / "firmware", tmp_path / "firmware", ignore=shutil.ignore_patterns("tests", "__pycache__")
    )
    with (tmp_path / "firmware" / "journal.py").open("a") as journal:
        journal.write(FORGETFUL)
    plan = FaultPlan(power_cut=PowerCuts(per_node_hour=4, in_flash_share=0, off_s=(1, 5)))
    result = run(SimPlan(nodes=2, hours=0.5, seed=1, faults=plan, firmware=tmp_path))
    assert not result["ledger"]["reconciles"]
    assert any("other bytes" in difference for difference in result["ledger"]["differences"])


@pytest.mark.parametrize("name", fault_plan.presets())
def test_every_preset_is_a_plan(name: str) -> None:
    assert load(name).name == name


def test_the_presets_are_those_that_are_promised() -> None:
    assert fault_plan.presets() == ["calm", "outage-13h", "outage-7d", "storm"]


def test_the_storm_names_every_key_of_a_plan() -> None:
    written = tomllib.loads((fault_plan.PLANS / "storm.toml").read_text())
    assert set(written) == {"needs_h", *fault_plan.SECTIONS}
    for name, kind in fault_plan.SECTIONS.items():
        assert isinstance(kind, type)
        assert set(written[name]) == {one.name for one in dataclasses.fields(kind)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[power_cuts]", "power_cuts is unknown: remove it, or use one of needs_h, power_cut"),
        ("[power_cut]\nper_hour = 1", "power_cut.per_hour is unknown: remove it, or use one of per_node_hour"),
        ("[message]\nloss = 1.5", "message.loss is a share and must not be above 1"),
        ("[message]\nloss = 'much'", "message.loss must be a number, not 'much'"),
        ("[link_down]\nlasts_s = 5", "link_down.lasts_s must be two numbers, not 5"),
        ("[link_down]\nlasts_s = [9, 5]", "link_down.lasts_s must go up from 0 or more"),
        ("[broker_restart]\nper_hour = -1", "broker_restart.per_hour must not be below 0"),
        ("calm = true", "calm is unknown"),
        ("[message", "is not TOML"),
    ],
)
def test_what_is_wrong_with_a_plan_is_told_by_its_key(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(text)
    with pytest.raises(fault_plan.CannotSimulate, match=told.replace("[", r"\[")):
        load(str(file))


def test_a_plan_that_is_nowhere_is_told_with_those_that_are_there() -> None:
    with pytest.raises(fault_plan.CannotSimulate, match="one of calm, outage-13h, outage-7d, storm"):
        load("nowhere")
