"""One node of the town: its settings, its folder, its start.

Never holds the controller's registry: that is made of the same keys in setting.py.
Specification: firmware/README.md, "Settings".
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulation import air_sheets
from emulation.launch import NodeHandle, start
from protocols.provisioning import NodeEntry, settings_dict

BOARD = "unix"
POSITION_S = 5  # a fleet sends each 10 s; a demo of a minute shall show motion
PICTURE_S = 10
STATUS_S = 20
READING_MIN = 1  # a house is read each quarter of an hour; a demo shall show readings
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
    unit: int = 0  # on the RS-485 bus of the nodes on emulated silicon; 0 is a process


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
        "picture_s": PICTURE_S,
        "status_s": STATUS_S,
    }
    return settings_dict(entry, language=language, uplink=_uplink(mqtt_port), config=config)


def meter_settings(entry: NodeEntry, *, number: int, mqtt_port: int, language: str) -> dict[str, Any]:
    """What a meter node of the town is provisioned with: two heat meters on M-Bus, a water meter with pulses."""
    config = {
        "bus": {"protocol": "mbus", "baud": 2400},
        "meters": [
            {"number": 1, "address": number, "every_min": READING_MIN},
            {"number": 2, "address": f"{30_000_000 + number}", "every_min": READING_MIN},
        ],
        "pulses": [{"number": 11, "unit": "m^3", "weight": 10, "exponent": -3, "every_min": READING_MIN}],
        "status_s": STATUS_S,
    }
    return settings_dict(entry, language=language, uplink=_uplink(mqtt_port), config=config)


def post_settings(entry: NodeEntry, *, mqtt_port: int, language: str) -> dict[str, Any]:
    """What an air post of the town is provisioned with: particles, four gases, climate, wind; its cells are warm."""
    config = {
        "calibration": air_sheets.calibration("no2", "so2", "co", "o3"),
        "cell_warm_up_s": 0,
        "status_s": STATUS_S,
    }
    return settings_dict(entry, language=language, uplink=_uplink(mqtt_port), config=config)
