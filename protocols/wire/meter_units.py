"""Units of meter readings on the wire, and how a meter's own words for them are brought to these.

Never converts a value to a float: a prefix is a power of ten. Specification: protocols/schema/utility_meter.py; SI.
"""

UNITS = (  # a reading's unit is its place here; new ones go to the end
    "", "Wh", "varh", "VAh", "J", "m^3", "kg", "s", "W", "var", "VA", "J/h", "m^3/h", "kg/h", "°C", "K", "bar",
    "V", "A", "Hz", "%", "pulse",
)  # fmt: skip
NO_UNIT = 0

_PREFIXES = {"k": 3, "M": 6, "G": 9, "m": -3}
_SYNONYMS = {  # what meters write: place, power of ten
    "m3": ("m^3", 0),
    "l": ("m^3", -3),
    "ml": ("m^3", -6),
    "m3/h": ("m^3/h", 0),
    "l/h": ("m^3/h", -3),
    "ml/h": ("m^3/h", -6),
    "C": ("°C", 0),
}


def unit_of(text: str) -> tuple[int, int] | None:
    """(place in UNITS, power of ten) of a unit as a meter writes it; None: not one of ours."""
    known, exponent = _SYNONYMS.get(text, (text, 0))
    if known in UNITS:
        return UNITS.index(known), exponent
    if text[:1] in _PREFIXES and text[1:] in UNITS and text[1:]:
        return UNITS.index(text[1:]), _PREFIXES[text[0]]
    return None
