"""The plan of a rollout: order, waves, windows, and when to stop."""

from collections import Counter
from datetime import time
from typing import Any

import pytest

from controller.services.rollout_plan import Plan, Progress, Window, spread, wave_of
from protocols.provisioning import NodeEntry


def _entries(count: int, site: str = "demo", kind: str = "stop_display") -> list[NodeEntry]:
    return [
        NodeEntry(f"{site}{number}".encode().rjust(8, b"."), bytes(32), site, kind, f"{site} {number}")
        for number in range(count)
    ]


def test_every_link_and_site_has_its_share_of_every_beginning() -> None:
    entries = _entries(60) + _entries(30, "north") + _entries(10, "south")
    order = spread(entries, lambda node: "bus" if node[-1] % 2 else "mqtt", seed=7)
    assert sorted(entry.node for entry in order) == sorted(entry.node for entry in entries)
    first = Counter(entry.site for entry in order[:20])
    assert first == {"demo": 12, "north": 6, "south": 2}


def test_the_order_is_the_same_for_one_release_and_another_for_the_next() -> None:
    entries = _entries(50)
    order = spread(entries, lambda node: "mqtt", seed=1)
    assert spread(reversed(entries), lambda node: "mqtt", seed=1) == order
    assert spread(entries, lambda node: "mqtt", seed=2)[0] != order[0]


@pytest.mark.parametrize(
    ("total", "sizes"), [(1, {0: 1}), (2, {0: 1, 1: 1}), (5, {0: 1, 1: 1, 2: 3}), (100, {0: 2, 1: 18, 2: 80})]
)
def test_waves_grow_and_none_before_the_last_is_empty(total: int, sizes: dict[int, int]) -> None:
    assert Counter(wave_of(index, total, (0.02, 0.2, 1.0)) for index in range(total)) == sizes


def test_a_window_may_pass_midnight() -> None:
    night = Window.parse("23:00-04:30")
    assert [night.holds(time(hour)) for hour in (22, 23, 0, 4, 5)] == [False, True, True, True, False]
    assert not night.holds(time(4, 30))
    assert Plan().open_at(time(12))
    assert not Plan(windows=("01:00-02:00", "03:00-04:00")).open_at(time(2, 30))


@pytest.mark.parametrize(
    "wrong",
    [
        {"waves": ()},
        {"waves": (0.5, 0.2, 1.0)},
        {"waves": (0.1, 0.5)},
        {"waves": (0.0, 1.0)},
        {"windows": ("at night",)},
        {"failed_share": 1.5},
        {"at_once": 0},
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))[:6]):
        Plan(**wrong)


def test_a_node_is_selected_by_kind_site_and_name_together() -> None:
    display, validator = _entries(1)[0], _entries(1, "north", "fare_validator")[0]
    assert Plan().selects(display)
    assert Plan(kinds=("stop_display",), sites=("demo",)).selects(display)
    assert not Plan(kinds=("stop_display",)).selects(validator)
    assert Plan(nodes=(validator.node.hex(),)).selects(validator)


def test_who_is_away_holds_nobody_up_but_somebody_has_to_have_confirmed() -> None:
    plan = Plan(success_share=0.95, failed_share=0.05)
    assert not Progress(reachable=0, confirmed=0, failed=0).has_passed(plan)
    assert Progress(reachable=4, confirmed=4, failed=0).has_passed(plan)
    assert not Progress(reachable=10, confirmed=9, failed=0).has_passed(plan)
    assert Progress(reachable=2, confirmed=0, failed=1).is_alarming(plan)
    assert not Progress(reachable=40, confirmed=30, failed=2).is_alarming(plan)
