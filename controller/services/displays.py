"""What stands on each display's glass: the picture it told, and the record that proves it.

Never makes a picture; boards.py says what to show, the display draws it.
Specification: protocols/schema/stop_display.py, protocols/wire/picture.py.
"""

from collections import defaultdict
from dataclasses import dataclass

from controller.events import ArrivalsShown, GlassChanged, PictureTaken
from controller.registry import Registry
from controller.services.live import DisplayView
from protocols.provisioning import NodeEntry
from protocols.wire.messages import shown_on_glass
from protocols.wire.topics import node_name

KIND = "stop_display"
ARRIVALS = "arrivals"
_MODES = {
    shown_on_glass.MODE_BLANK: "blank",
    shown_on_glass.MODE_STARTING: "starting",
    shown_on_glass.MODE_ARRIVALS: ARRIVALS,
    shown_on_glass.MODE_NO_DATA: "no_data",
    shown_on_glass.MODE_FAULT: "fault",
}


@dataclass(slots=True)
class _Glass:
    """One display's last record and last picture."""

    picture: PictureTaken | None = None
    picture_crc: int | None = None
    shown_at_s: float | None = None
    mode: str = "unknown"
    seq: int = 0


class Displays:
    """Follows records and pictures of all displays."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._glasses: defaultdict[bytes, _Glass] = defaultdict(_Glass)

    def arrivals_shown(self, event: ArrivalsShown) -> None:
        """Arrivals are on the glass."""
        self._shown(event, ARRIVALS)

    def glass_changed(self, event: GlassChanged) -> None:
        """Something else is on the glass."""
        self._shown(event, _MODES.get(event.mode, str(event.mode)))

    def _shown(self, event: ArrivalsShown | GlassChanged, mode: str) -> None:
        glass = self._glasses[event.node]
        if event.seq < glass.seq:
            return  # backlog: the glass has changed since
        glass.seq = event.seq
        glass.shown_at_s = event.at_ms / 1000 if event.clock_set else None
        glass.picture_crc = event.picture_crc
        glass.mode = mode

    def picture_taken(self, event: PictureTaken) -> None:
        """A display told what stands on its glass; who is no display has no say."""
        if event.node in self._registry.of_kind(KIND):
            self._glasses[event.node].picture = event

    def picture(self, node: bytes) -> PictureTaken | None:
        """The last picture of a display."""
        return self._glasses[node].picture if node in self._registry.of_kind(KIND) else None

    def views(self) -> tuple[DisplayView, ...]:
        """All displays, in the order of the registry."""
        return tuple(self._view(entry) for entry in self._registry.of_kind(KIND).values())

    def _view(self, entry: NodeEntry) -> DisplayView:
        glass = self._glasses[entry.node]
        picture = glass.picture
        return DisplayView(
            node=node_name(entry.node),
            name=entry.name,
            stop_id=entry.stop_id,
            width=entry.width if picture is None else picture.width,
            height=entry.height if picture is None else picture.height,
            bits=None if picture is None else picture.bits,
            picture_crc=glass.picture_crc,
            shown_at_s=glass.shown_at_s,
            mode=glass.mode,
        )
