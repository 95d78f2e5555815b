"""The stop display seen from the controller: what stands on the glass becomes an event; a board becomes a message.

Never counts down minutes: a line carries the moment of arrival and the display does the rest.
Specification: protocols/schema/stop_display.py; firmware/nodes/stop_display.py is the other side.
"""

from controller.commands import ArrivalLine, ShowArrivals
from controller.events import ArrivalsShown, GlassChanged
from protocols.wire import text
from protocols.wire.messages import arrival_row, show_arrivals, shown_on_glass
from protocols.wire.record import CLOCK_UNSET, Record

MAX_LINES = 8
ROUTE_SIZE = 8
HEADSIGN_SIZE = 48


def glass_shown(node: bytes, record: Record, m: shown_on_glass.ShownOnGlass) -> ArrivalsShown | GlassChanged:
    """Proof of what people see."""
    at_ms = record.time_s * 1000 + record.time_ms
    clock_set = record.clock_quality != CLOCK_UNSET
    if m.mode == shown_on_glass.MODE_ARRIVALS and m.rows:
        return ArrivalsShown(node, record.seq, at_ms, clock_set, m.command_id, m.rows, m.picture_crc, m.width, m.height)
    return GlassChanged(node, record.seq, at_ms, clock_set, m.mode, m.picture_crc, m.width, m.height)


def show_arrivals_body(command: ShowArrivals) -> bytes:
    """The board, cut to what the message holds."""
    rows = b"".join(_row(line) for line in command.lines[:MAX_LINES])
    return show_arrivals.build(show_arrivals.ShowArrivals(command.data_s, rows))


def _row(line: ArrivalLine) -> bytes:
    flags = arrival_row.FLAGS_REALTIME * line.realtime | arrival_row.FLAGS_LOW_FLOOR * line.low_floor
    route = text.pad(line.route, ROUTE_SIZE)
    return arrival_row.build(
        arrival_row.ArrivalRow(line.arrival_s, flags, route, text.pad(line.headsign, HEADSIGN_SIZE))
    )


RECORDS = ((shown_on_glass, glass_shown),)
COMMANDS = ((ShowArrivals, show_arrivals, show_arrivals_body),)
