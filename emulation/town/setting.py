"""Everything a town needs on disk before its first power-on: feed, roster, registry, keys, configuration.

Never starts a process.
Specification: controller/vuzol.example.toml for the configuration; protocols/README.md, "Provisioning".
"""

import json
import secrets
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from zoneinfo import ZoneInfo

from emulation.feed_window import AROUND_S, EmptyFeed, FeedWindow, move_to_now
from emulation.launch import write_secret
from emulation.town import silicon
from emulation.town.nodes import TownNode, display_settings, meter_settings, post_settings, validator_settings
from emulation.town.plan import TownError, TownPlan
from emulation.town.predictions import StopVisit
from emulation.vehicle_motion import VehicleMotion
from protocols import sealed_keys
from protocols.gtfs import Feed, FeedErrors, from_zip_bytes, read_feed
from protocols.provisioning import KEY_SIZE, NodeEntry, registry_text
from protocols.wire import topics

BUNDLED_FEED = Path(__file__).parents[1] / "feed"
SITE = "demo"
VEHICLE_NAMES = {"uk": "Борт {}, двері 1", "en": "Vehicle {}, door 1"}
METER_NAMES = {"uk": "Лічильники, будинок {}", "en": "Meters, house {}"}
POST_NAMES = {"uk": "Пост повітря {}", "en": "Air post {}"}
PANELS = ((128, 64), (192, 64), (128, 32))  # the displays of a town are not all alike
VALIDATOR_IDS = 0x0100
DISPLAY_IDS = 0x0200
METER_IDS = 0x0300
POST_IDS = 0x0400

SILICON_KINDS = ("fare_validator", "stop_display")

Step = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Setting:
    """A town that is ready to be powered."""

    config: Path
    nodes: tuple[TownNode, ...]
    motions: dict[str, VehicleMotion]

    def true_visits(self) -> dict[StopVisit, list[float]]:
        """When each vehicle will really be at each stop of its days."""
        visits = defaultdict[StopVisit, list[float]](list)
        for vehicle_id, motion in self.motions.items():
            for call in motion.calls:
                visits[vehicle_id, call.trip_id, call.stop_id].append(call.passenger_s)
        return visits


def read_feed_at(path: Path) -> Feed:
    """The feed of a zip or a folder. Raises TownError."""
    try:
        if path.is_dir():
            return read_feed({file.name: file.read_bytes() for file in sorted(path.glob("*.txt"))})
        return from_zip_bytes(path.read_bytes())
    except OSError as error:
        raise TownError(f"{path} cannot be read ({error.strerror}): give a GTFS zip or folder") from None
    except FeedErrors as errors:
        raise TownError(f"{path} is not a sound feed, first of {errors.total}: {errors.errors[0]}") from None


def draw_key() -> bytes:
    return secrets.token_bytes(KEY_SIZE)


def prepare(
    plan: TownPlan,
    folder: Path,
    ports: tuple[int, int],
    step: Step,
    *,
    now_s: float | None = None,
    around_s: int = AROUND_S,
    new_key: Callable[[], bytes] = draw_key,
) -> Setting:
    """Write everything into `folder`; `ports` are those of the page and of the broker. Raises TownError.

    `now_s` is when the town begins, now if None; the feed is kept for `around_s` about it.
    """
    now_s = time.time() if now_s is None else now_s
    step("feed", 0, 3)
    feed = read_feed_at(plan.feed or BUNDLED_FEED)
    step("feed", 1, 3)
    try:
        window = move_to_now(feed, now_s, plan.validators, plan.displays, around_s=around_s)
    except EmptyFeed as error:
        raise TownError(f"{error}: give a feed with trips") from None
    step("feed", 2, 3)
    _write_feed(folder / "feed", window)
    (folder / "roster.csv").write_text(window.roster_csv(), encoding="utf-8")
    entries = _entries(window, plan, new_key)
    motions = {vehicle_id: window.motion(vehicle_id, plan.seed) for vehicle_id in window.vehicles}
    step("feed", 3, 3)
    utc_offset_min = _utc_offset_min(window.feed.timezone, now_s)
    nodes = _on_silicon(_nodes(entries, new_key(), folder, plan, ports[1], utc_offset_min), plan.silicon)
    master = new_key()
    write_secret(folder / "master.key", sealed_keys.master_text([master]).encode())
    write_secret(folder / "nodes.json", registry_text(entries, master).encode())
    relayed = [node for node in nodes if node.unit]
    config = _write_config(folder, ports, [node.name for node in relayed])
    if relayed:
        write_secret(folder / silicon.RELAY_PASSWORD, (new_key().hex() + "\n").encode())
        text = silicon.relay_config(folder, SITE, ports[1], [node.unit for node in relayed])
        (folder / silicon.RELAY_CONFIG).write_text(text, encoding="utf-8")
    return Setting(config, tuple(nodes), motions)


def _on_silicon(nodes: list[TownNode], count: int) -> list[TownNode]:
    """The first `count` of the validators and displays, in turn, become units of the bus."""
    by_kind = [[node for node in nodes if node.kind == kind] for kind in SILICON_KINDS]
    in_turn = [node for row in zip_longest(*by_kind) for node in row if node is not None]
    units = {node.name: unit for unit, node in enumerate(in_turn[:count], 1)}
    return [
        replace(node, unit=unit, settings=node.settings | {"uplink": {"transport": "modbus_rtu", "unit": unit}})
        if (unit := units.get(node.name, 0))
        else node
        for node in nodes
    ]


def _entries(window: FeedWindow, plan: TownPlan, new_key: Callable[[], bytes]) -> list[NodeEntry]:
    entries = [
        NodeEntry(
            node=(VALIDATOR_IDS + number).to_bytes(8, "big"),
            key=new_key(),
            site=SITE,
            kind="fare_validator",
            name=VEHICLE_NAMES[plan.language].format(vehicle_id),
            vehicle_id=vehicle_id,
            vehicle=number,
        )
        for number, vehicle_id in enumerate(window.vehicles, 1)
    ]
    for number, stop_id in enumerate(window.display_stops, 1):
        width, height = PANELS[number % len(PANELS)]
        entries.append(
            NodeEntry(
                node=(DISPLAY_IDS + number).to_bytes(8, "big"),
                key=new_key(),
                site=SITE,
                kind="stop_display",
                name=window.feed.stops[stop_id].name,
                stop_id=stop_id,
                width=width,
                height=height,
            )
        )
    entries += [
        NodeEntry(
            node=(METER_IDS + number).to_bytes(8, "big"),
            key=new_key(),
            site=SITE,
            kind="utility_meter",
            name=METER_NAMES[plan.language].format(number),
        )
        for number in range(1, plan.meters + 1)
    ]
    entries += [
        NodeEntry(
            node=(POST_IDS + number).to_bytes(8, "big"),
            key=new_key(),
            site=SITE,
            kind="air_sensor",
            name=POST_NAMES[plan.language].format(number),
        )
        for number in range(1, plan.posts + 1)
    ]
    return entries


def _utc_offset_min(timezone: str, at_s: float) -> int:
    offset = datetime.fromtimestamp(at_s, ZoneInfo(timezone)).utcoffset()
    return int(offset.total_seconds() // 60) if offset else 0


def _nodes(
    entries: list[NodeEntry], city_key: bytes, folder: Path, plan: TownPlan, mqtt_port: int, utc_offset_min: int
) -> list[TownNode]:
    nodes = []
    for entry in entries:
        name = topics.node_name(entry.node)
        if entry.kind == "fare_validator":
            settings = validator_settings(entry, city_key=city_key, mqtt_port=mqtt_port, language=plan.language)
        elif entry.kind == "utility_meter":
            number = int.from_bytes(entry.node, "big") - METER_IDS
            settings = meter_settings(entry, number=number, mqtt_port=mqtt_port, language=plan.language)
        elif entry.kind == "air_sensor":
            settings = post_settings(entry, mqtt_port=mqtt_port, language=plan.language)
        else:
            settings = display_settings(
                entry, utc_offset_min=utc_offset_min, mqtt_port=mqtt_port, language=plan.language
            )
        nodes.append(TownNode(name, entry.kind, settings, folder / "nodes" / name, entry.vehicle_id, entry.stop_id))
    return nodes


def _write_feed(folder: Path, window: FeedWindow) -> None:
    folder.mkdir()
    for name, data in window.files.items():
        (folder / name).write_bytes(data)


def _write_config(folder: Path, ports: tuple[int, int], relayed: list[str]) -> Path:
    path = folder / "vuzol.toml"
    sections: dict[str, dict[str, str | int]] = {
        "site": {"name": SITE},
        "http": {"port": ports[0]},
        "mqtt": {"port": ports[1]},
        "nodes": {"registry": "nodes.json"},
        "transit": {"feed": "feed", "roster": "roster.csv"},
        "access": {"open_as": "demo"},
    }
    lines = []
    for section, values in sections.items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    if relayed:
        rows = {"name": silicon.RELAY, "password_file": silicon.RELAY_PASSWORD, "nodes": relayed}
        lines += ["[[relay]]", *(f"{key} = {json.dumps(value)}" for key, value in rows.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
