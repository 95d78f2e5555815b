"""The air round an air post: what its sensors sense, changed from outside by whoever plays the weather.
It must never know a sensor, a channel or a calibration.
Specification: units as their names say; gases by their formulas in small letters.
"""

from dataclasses import dataclass, field

GASES = ("no2", "so2", "no", "co", "o3", "h2s", "nh3")


@dataclass
class Weather:
    pm1_ugm3: float = 8.0
    pm2_5_ugm3: float = 12.0
    pm10_ugm3: float = 20.0
    gases_ppb: dict[str, float] = field(
        default_factory=lambda: {"no2": 20.0, "so2": 3.0, "no": 8.0, "co": 300.0, "o3": 25.0, "h2s": 1.0, "nh3": 6.0}
    )
    temperature_c: float = 20.0
    humidity_percent: float = 50.0
    pressure_pa: float = 101_325.0
    wind_mps: float = 2.0
    wind_from_deg: float = 270.0
