"""THE list of node kinds: id, name, what it records beyond the common records, what it can be told.

Never imports the messages it names: a device loads only its own.
Specification: architecture, "A fifth kind must cost this"; a test lists what a line here still lacks.
"""

COMMON_RECORDS = ("boot", "status", "event", "result", "gap", "document")

NODE_KINDS = (
    (1, "fare_validator", ("tap", "cash", "position"), ("assign_trip",)),
    (2, "stop_display", ("shown_on_glass",), ("show_arrivals",)),
    (3, "utility_meter", ("reading", "found_meter", "tamper"), ("scan_meters",)),
    (4, "air_sensor", ("air_means",), ()),
)


def kind_id(name: str) -> int:
    """The wire id of a node kind. Raises ValueError for a name that is not in the list."""
    for number, kind, _, _ in NODE_KINDS:
        if kind == name:
            return number
    raise ValueError(f"no node kind {name!r}")
