"""Devices of others on the controller's buses: state, alarms, last values. Hidden where there are none.

Never asks the controller; it gets each moment's devices.
Specification: controller/services/live.py, DeviceView.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.web.dom import box, put, text
from controller.web.order import natural
from controller.web.panels.paged_table import ROWS_A_PAGE, Column, PagedTable
from controller.web.panels.pager import Pager
from controller.web.pulse import Moment
from controller.web.visit import Visit

if TYPE_CHECKING:
    from controller.services.live import DeviceView, PointView

VALUES_SHOWN = 6
FIGURES = 10  # behind the point at most; four count
_WORST_FIRST = {"alarm": 0, "offline": 1, "online": 2}
_LOOK = {"alarm": "bad", "offline": "warn", "online": "good"}


class DevicesPanel:
    """Built once a page, then shown each moment."""

    def __init__(self, visit: Visit, moment: Moment) -> None:
        words = self._words = visit.words
        columns: tuple[Column[DeviceView], ...] = (
            Column("state", lambda device: (_WORST_FIRST[_state(device)], natural(device.name))),
            Column("device", lambda device: natural(device.name), head=True),
            Column("template", lambda device: (device.template, natural(device.name))),
            Column("values", lambda device: natural(device.name)),
            Column("last_seen", lambda device: _told_s(device), figure=True),
        )
        with box("section", "panel devices", aria_labelledby="devices-title") as self._root:
            with box("div", "panel-head"):
                text("h2", words.say("section.devices"), id="devices-title")
                pager = Pager(visit, ROWS_A_PAGE, lambda: self._table.turned())
            self._table = PagedTable(
                visit,
                columns,
                pager,
                self._row,
                sort_by="state",
                label=words.say("section.devices"),
                nothing=words.say("table.nothing"),
            )
        self.show(moment)

    def show(self, moment: Moment) -> None:
        """Bring up to date."""
        self._now_s = moment.snapshot.time_s
        put(self._root, data_hidden="no" if moment.snapshot.devices else "yes")
        self._table.show(moment.snapshot.devices)

    def _row(self, device: DeviceView) -> dict[str, str]:
        words = self._words
        state = _state(device)
        told_s = _told_s(device)
        return {
            "id": device.name,
            "look": _LOOK[state],
            "state": words.say(f"state.{state}"),
            "state_state": _LOOK[state],
            "device": device.name,
            "device_note": words.say("device.place", bus=device.bus, unit=device.unit),
            "template": words.name_of("template", device.template),
            "values": ", ".join(self._value(point) for point in device.points[:VALUES_SHOWN]) or words.say("none"),
            "values_note": ", ".join(device.alarms),
            "last_seen": words.age(self._now_s - told_s) if told_s else words.say("table.never_seen"),
        }

    def _value(self, point: PointView) -> str:
        words = self._words
        value = words.say("none") if point.value is None else words.figure(float(f"{point.value:.4g}"), FIGURES)
        return f"{words.name_of('channel', point.name)} {value} {words.name_of('unit', point.unit)}".strip()


def _state(device: DeviceView) -> str:
    if device.alarms:
        return "alarm"
    return "online" if device.online else "offline"


def _told_s(device: DeviceView) -> float:
    return max((point.time_s for point in device.points if point.quality != "silent"), default=0.0)
