"""Units of one kind and what they are of each other: energy, power, volume.

Never rounds, and knows no unit by guess: what is not here converts to itself alone.
Specification: SI; 1 Gcal = 1163 kWh (the calorie of 4.1868 J).
"""

_KINDS = (
    {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6, "GWh": 1e9, "J": 1 / 3600, "kJ": 1e3 / 3600, "MJ": 1e6 / 3600, "GJ": 1e9 / 3600}
    | {"kcal": 1.163, "Mcal": 1163.0, "Gcal": 1.163e6},
    {"W": 1.0, "kW": 1e3, "MW": 1e6, "J/h": 1 / 3600},
    {"varh": 1.0, "kvarh": 1e3},
    {"VAh": 1.0, "kVAh": 1e3},
    {"m^3": 1.0, "m3": 1.0, "l": 1e-3},
    {"m^3/h": 1.0, "m3/h": 1.0, "l/h": 1e-3},
)
_FOR_PEOPLE = {"Wh": "kWh", "J": "kWh", "W": "kW", "J/h": "kW", "varh": "kvarh", "VAh": "kVAh", "m^3": "m³"}
_FOR_PEOPLE |= {"m^3/h": "m³/h", "ug/m3": "µg/m³", "degC": "°C"}


def factor(unit: str, to: str) -> float | None:
    """What one `unit` is in `to`; None where they measure different things."""
    if unit == to:
        return 1.0
    return next((kind[unit] / kind[to] for kind in _KINDS if unit in kind and to in kind), None)


def for_people(unit: str) -> tuple[float, str]:
    """(what one of this unit is, in this one): how a person reads it. kWh, not Wh; m³, not m^3."""
    shown = _FOR_PEOPLE.get(unit, unit)
    return factor(unit, shown) or 1.0, shown
