"""The fare validator seen from the controller: tap, cash and position become events; a trip becomes a message.

Never decides a fare: rides are counted by the services that hear these events.
Specification: protocols/schema/fare_validator.py; firmware/nodes/fare_validator.py is the other side.
"""

from controller.commands import AssignTrip
from controller.events import CashPaid, MediumTapped, VehicleMoved
from protocols.wire import text
from protocols.wire.messages import assign_trip, cash, position, tap
from protocols.wire.record import CLOCK_UNSET, Record

ROUTE_SIZE = 8
_DEGREES = 1e-7


def medium_tapped(node: bytes, record: Record, m: tap.Tap) -> MediumTapped:
    """One presentation of one medium."""
    return MediumTapped(
        node,
        record.seq,
        record.time_s * 1000 + record.time_ms,
        m.result,
        m.medium,
        m.flags,
        m.card_token,
        m.benefit_class,
        m.riders,
        m.decision_ms,
        m.vehicle,
        m.door,
        m.trip_ref,
    )


def cash_paid(node: bytes, record: Record, m: cash.Cash) -> CashPaid:
    """One entry of the driver."""
    return CashPaid(
        node,
        record.seq,
        record.time_s * 1000 + record.time_ms,
        m.amount_kop,
        m.riders,
        m.vehicle,
        m.trip_ref,
    )


def vehicle_moved(node: bytes, record: Record, m: position.Position) -> VehicleMoved:
    """Where the vehicle was."""
    return VehicleMoved(
        node,
        record.time_s * 1000 + record.time_ms,
        record.clock_quality != CLOCK_UNSET,
        m.trip_ref,
        m.lat_e7 * _DEGREES,
        m.lon_e7 * _DEGREES,
        m.speed_cmps / 100,
        m.course_cdeg / 100,
    )


def assign_trip_body(command: AssignTrip) -> bytes:
    """The trip that taps and positions carry from now on."""
    return assign_trip.build(assign_trip.AssignTrip(command.trip_ref, text.pad(command.route, ROUTE_SIZE)))


RECORDS = ((tap, medium_tapped), (cash, cash_paid), (position, vehicle_moved))
COMMANDS = ((AssignTrip, assign_trip, assign_trip_body),)
