"""One node of the town: its settings, its folder, its start.

Never holds the controller's registry: that is made of the same keys in setting.py.
Specification: firmware/README.md, "Settings".
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulation.launch import NodeHandle, start
from protocols.provisioning import NodeEntry, settings_dict

BOARD = "unix"
POSITION_S = 5  # a fleet sends each 10 s; a demo of a minute shall show motion
STATUS_S = 20
REPEAT_S = 4


@dataclass(frozen=True, slots=True)
class TownNode:
    """A node to start. `name` is its id in sixteen hexadecimal digits."""

    name: str
    kind: str
    settings: dict[str, Any]
    folder: Path
    vehicle_id: str = ""
    stop_id: str = ""


def start_node(node: TownNode) -> NodeHandle:
    """Power on."""
    return start(BOARD, node.kind, node.settings, node.folder)


def _uplink(mqtt_port: int) -> dict[str, Any]:
    return {"transport": "mqtt", "host": "127.0.0.1", "port": mqtt_port}


def validator_settings(entry: NodeEntry, *, city_key: bytes, mqtt_port: int, language: str) -> dict[str, Any]:
    """What a validator of the town is provisioned with."""
    config = {
        "vehicle": entry.vehicle,
        "door": 1,
        "city_key": city_key.hex(),
        "position_s": POSITION_S,
        "repeat_s": REPEAT_S,
        "status_s": STATUS_S,
    }
    return settings_dict(entry, language=language, uplink=_uplink(mqtt_port), config=config)


def display_settings(entry: NodeEntry, *, utc_offset_min: int, mqtt_port: int, language: str) -> dict[str, Any]:
    """What a stop display of the town is provisioned with; `utc_offset_min` is that of its town today."""
    config = {
        "width": entry.width,
        "height": entry.height,
        "stop_name": entry.name,
        "brightness": 8,
        "utc_offset_min": utc_offset_min,
        "summer_time": "none",
        "status_s": STATUS_S,
    }
    return settings_dict(entry, language=language, uplink=_uplink(mqtt_port), config=config)
