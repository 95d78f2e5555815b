"""A small town made by hand: eight vehicles, six displays, their ledger. What the page is tested on.

Never talks to a controller; it stands where controller/services/live.py stands and hands out the same shapes.
Specification: controller/services/live.py.
"""

import zlib
from collections.abc import Iterable
from dataclasses import replace
from math import cos, pi, sin

from controller.services.alarms_life import Alarm
from controller.services.live import (
    Counters,
    DisplayView,
    LedgerRow,
    NodeView,
    Snapshot,
    StopView,
    VehicleView,
)

START_S = 1_795_264_327.0  # 14:32:07 in Kyiv, 21 November 2026
CENTRE = (47.9105, 33.3918)
STOPS = (
    ("s1", "Площа Визволення", 0.0000, 0.0000),
    ("s2", "Вокзал", 0.0112, -0.0150),
    ("s3", "95-й квартал", -0.0065, 0.0141),
    ("s4", "Парк імені Федора Мершавцева", 0.0071, 0.0188),
    ("s5", "Міська лікарня № 2", -0.0121, -0.0105),
    ("s6", "Автовокзал", -0.0148, 0.0196),
    ("s7", "Театр", 0.0040, -0.0060),
    ("s8", "Ринок", -0.0040, 0.0070),
    ("s9", "Університет", 0.0098, 0.0050),
)
ROUTES = (
    ("1", "#c8102e", "Вокзал", ("s6", "s3", "s8", "s1", "s7", "s2")),
    ("4", "#0057b8", "Автовокзал", ("s5", "s1", "s9", "s4")),
    ("228", "", "95-й квартал", ("s2", "s9", "s1", "s8", "s3", "s6")),
)
DELAYS_S = (20, 250, -95, 0, 430, None, 65, -10)
WIDTH, HEIGHT = 128, 64


def picture(number: int) -> bytes:
    """Stripes that differ from display to display."""
    rows = []
    for y in range(HEIGHT):
        rows.append(bytes((0xF0 >> (number % 5)) if (y // 4) % 2 == number % 2 else 0 for _ in range(WIDTH // 8)))
    return b"".join(rows)


def line(route: int) -> tuple[tuple[float, float], ...]:
    """The route's way through its stops."""
    places = {stop_id: (CENTRE[0] + lat, CENTRE[1] + lon) for stop_id, _, lat, lon in STOPS}
    return tuple(places[stop_id] for stop_id in ROUTES[route][3])


def stops() -> tuple[StopView, ...]:
    """The first six carry a display."""
    return tuple(
        StopView(stop_id, name, CENTRE[0] + lat, CENTRE[1] + lon, (f"00000000000000d{n + 1}",) if n < 6 else ())
        for n, (stop_id, name, lat, lon) in enumerate(STOPS)
    )


def vehicles(time_s: float) -> tuple[VehicleView, ...]:
    """Eight, each somewhere along its line."""
    made = []
    for n, delay_s in enumerate(DELAYS_S):
        route = n % len(ROUTES)
        way = line(route)
        along = (time_s / 60 + n * 0.73) % (len(way) - 1)
        a, b, part = way[int(along)], way[int(along) + 1], along % 1
        made.append(
            VehicleView(
                vehicle_id=str(17 + n),
                node=f"00000000000000a{n + 1}",
                route=ROUTES[route][0],
                headsign=ROUTES[route][2],
                trip_id=f"trip-{n}",
                lat=a[0] + (b[0] - a[0]) * part + 0.0002 * sin(n),
                lon=a[1] + (b[1] - a[1]) * part + 0.0002 * cos(n * pi),
                delay_s=delay_s,
                speed_mps=6.5 + n / 2,
                updated_s=time_s - n,
            )
        )
    return tuple(made)


def displays(time_s: float, pictures: Iterable[bytes] | None = None) -> tuple[DisplayView, ...]:
    """Six, all proven."""
    shown = list(pictures) if pictures is not None else [picture(n) for n in range(6)]
    return tuple(
        DisplayView(
            node=f"00000000000000d{n + 1}",
            name=f"Табло {n + 1}",
            stop_id=f"s{n + 1}",
            width=WIDTH,
            height=HEIGHT,
            bits=bits,
            picture_crc=zlib.crc32(bits),
            shown_at_s=time_s - 7 * n - 3,
            mode="arrivals",
        )
        for n, bits in enumerate(shown)
    )


def nodes(time_s: float) -> tuple[NodeView, ...]:
    """A validator in each vehicle, and the displays."""
    in_vehicles = [
        NodeView(
            node=f"00000000000000a{n + 1}",
            kind="fare_validator",
            name=f"Валідатор {17 + n}",
            place=str(17 + n),
            online=True,
            last_seen_s=time_s - n,
            firmware="0.1.0",
            journal_depth=n % 3,
            records=400 + 31 * n,
            lat=None,
            lon=None,
        )
        for n in range(8)
    ]
    at_stops = [
        NodeView(
            node=f"00000000000000d{n + 1}",
            kind="stop_display",
            name=f"Табло {n + 1}",
            place=STOPS[n][1],
            online=True,
            last_seen_s=time_s - 4 * n,
            firmware="0.1.0",
            journal_depth=0,
            records=90 + n,
            lat=CENTRE[0] + STOPS[n][2],
            lon=CENTRE[1] + STOPS[n][3],
        )
        for n in range(6)
    ]
    return (*in_vehicles, *at_stops)


def ledger(of: tuple[NodeView, ...]) -> tuple[LedgerRow, ...]:
    """Every record of every node stored once."""
    return tuple(
        LedgerRow(node.node, node.kind, node.name, node.records, node.records, 0, 0, n % 2) for n, node in enumerate(of)
    )


def town(time_s: float = START_S) -> Snapshot:
    """All is well."""
    made = nodes(time_s)
    return Snapshot(
        time_s=time_s,
        site="demo",
        feed_name="Кривий Ріг, маленький розклад",
        nodes=made,
        vehicles=vehicles(time_s),
        stops=stops(),
        displays=displays(time_s),
        counters=Counters(
            taps=12_846,
            cash=37,
            positions=98_211,
            arrivals_shown=1_204,
            readings=96,
            air_samples=120,
            batches=3_311,
            records=111_298,
            rejected={},
        ),
        ledger=ledger(made),
        shapes=tuple((route, colour, line(n)) for n, (route, colour, _, _) in enumerate(ROUTES)),
    )


def alarms(time_s: float) -> tuple[Alarm, ...]:
    """Those of the troubled town, as its rules would open them; the picture's comes after a while."""
    known = {node.node: node for node in nodes(time_s)}
    facts = (
        ("offline", "00000000000000a3", "bad", 70, 312, 0, ""),
        ("offline", "00000000000000d4", "bad", 70, 60, 0, "never"),
        ("missing", "00000000000000a5", "warn", 48, 20, 3, ""),
    )
    at_nodes = [
        Alarm(
            number, kind, node, severity, harm, time_s - ago_s, time_s - ago_s, node, known[node].name,
            known[node].place, known[node].kind, amount, detail,
        )
        for number, (kind, node, severity, harm, ago_s, amount, detail) in enumerate(facts, start=1)
    ]  # fmt: skip
    refused = [
        Alarm(number, "refused", reason, "warn", 30, time_s - 9, time_s - 9, name=reason, amount=amount)
        for number, (reason, amount) in enumerate((("wrong_mac", 12), ("malformed", 1)), start=4)
    ]
    return *at_nodes, *refused


def troubled(time_s: float = START_S) -> Snapshot:
    """A validator silent, envelopes refused, records owed, a display that shows something else."""
    well = town(time_s)
    silent = replace(well.nodes[2], online=False, last_seen_s=time_s - 312, journal_depth=None)
    dark = replace(well.nodes[11], online=False, last_seen_s=None)
    owing = replace(well.ledger[4], missing=3, stored=well.ledger[4].stored - 3)
    other = replace(well.displays[1], picture_crc=0xDEADBEEF)
    blank = replace(well.displays[3], bits=None, picture_crc=None, shown_at_s=None, mode="blank")
    return replace(
        well,
        nodes=(*well.nodes[:2], silent, *well.nodes[3:11], dark, *well.nodes[12:]),
        ledger=(*well.ledger[:4], owing, *well.ledger[5:]),
        displays=(well.displays[0], other, well.displays[2], blank, *well.displays[4:]),
        counters=replace(well.counters, rejected={"wrong_mac": 12, "malformed": 1}),
        alarms=alarms(time_s),
    )


class HandMadeLive:
    """Stands where Live stands; a test says what is true."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.version = 0
        self.fails = False

    def now_s(self) -> float:
        """The time stands until the test tells another."""
        return self._snapshot.time_s

    def snapshot(self) -> Snapshot:
        """What the test said last."""
        if self.fails:
            raise RuntimeError("as the test wants it")
        return self._snapshot

    def tell(self, snapshot: Snapshot) -> None:
        """From now on this is true."""
        self._snapshot = snapshot
        self.version += 1
