"""What people wait for on the smallest board, and the memory that is left: modelled on emulated silicon, repeatable.

Never called measured on hardware: times of card and reader come from cited sources (emulation/peripherals).
"""

from dataclasses import asdict

import pytest

from emulation.launch import NodeHandle
from emulation.peripherals import cards
from emulation.unix.process import at_fixed_addresses
from hil_tests.target import Desk

AT_MOST = {
    "boot_ms": 1500,
    "tap_own_p95_ms": 300,
    "tap_any_p95_ms": 500,
    "modbus_answer_p95_ms": 20,
    "display_refresh_ms": 250,
}
FREE_HEAP_KIB = 48
CYCLES_A_SECOND = 125_000_000
AWAKE = 0.15  # of its time; 0.36 when a UART was read with UART.read()
UID = bytes.fromhex("04a1b2c3d4e5f6")


@pytest.mark.needs("silicon")
@pytest.mark.timeout(600)
def test_the_device_keeps_its_budgets(desk: Desk) -> None:
    from emulation import device_budgets  # its emulator is a package of the tests

    found = asdict(device_budgets.measure())
    stages = found.pop("stages_ms").items()
    table = [f"{medium:10} " + "  ".join(f"{name} {ms} ms" for name, ms in spent.items()) for medium, spent in stages]
    assert {name: found[name] for name, limit in AT_MOST.items() if found[name] > limit} == {}, "\n".join(table)
    assert found["free_heap_kib"] >= FREE_HEAP_KIB


@pytest.mark.needs("silicon", "light", "sky")
def test_a_validator_in_service_sleeps_most_of_its_time(desk: Desk) -> None:
    from emulation.rp2040.lane import Rp2040Node  # its emulator is a package of the tests

    validator = desk.validator()
    validator.gnss.move(49.99, 36.23, 8.0, 90.0)
    lane = validator._node
    assert isinstance(lane, Rp2040Node)
    assert lane.machine is not None
    core = lane.machine.chip.core
    before = core.cycles
    validator.pass_time(2)
    assert (core.cycles - before) / CYCLES_A_SECOND / 2 < AWAKE


def trace(node: NodeHandle) -> tuple[object, ...]:
    """A short life with everything in it: what stood on the wires, on flash, in the light and on the console."""
    node.gnss.move(49.99, 36.23, 8.0, 90.0)
    node.wait_light("blue", 20)
    node.present(cards.make("desfire", uid=UID))
    node.wait_light("green", 5)
    node.remove_card()
    node.press()
    node.pass_time(1.5)
    return node.bus_digest(), node.flash_image(), node.lights, node.beeps, node.console


@pytest.mark.needs("own_time", "cards", "light", "sky", "journal")
def test_two_equal_lives_leave_equal_traces(desk: Desk) -> None:
    if desk.target.board == "unix" and not at_fixed_addresses(()):
        pytest.skip("this kernel fixes no addresses: a process's heap figure, which is journalled, changes with them")
    first, second = trace(desk.node()), trace(desk.node())
    assert first == second
