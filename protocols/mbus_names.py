"""What people call the functions, media and narrowed quantities of M-Bus; for the host, a device sends the codes.

Never needed to read a value. Functions and media are named as in libmbus's output, so that tools can be compared.
Specification: EN 13757-3, tables 3 (function), 8 (device type) and 15 (combinable VIFE).
"""

FUNCTIONS = (  # by records.py's numbers
    "Instantaneous value",
    "Maximum value",
    "Minimum value",
    "Value during error state",
    "Manufacturer specific",
    "More records follow",
    "Actual value",
    "Stored value",
)

_MEDIA = {
    0x00: "Other",
    0x01: "Oil",
    0x02: "Electricity",
    0x03: "Gas",
    0x04: "Heat: Outlet",
    0x05: "Steam",
    0x06: "Warm water (30-90°C)",
    0x07: "Water",
    0x08: "Heat Cost Allocator",
    0x09: "Compressed Air",
    0x0A: "Cooling load meter: Outlet",
    0x0B: "Cooling load meter: Inlet",
    0x0C: "Heat: Inlet",
    0x0D: "Heat / Cooling load meter",
    0x0E: "Bus/System",
    0x0F: "Unknown Medium",
    0x10: "Irrigation Water",
    0x11: "Water Logger",
    0x12: "Gas Logger",
    0x13: "Gas Converter",
    0x14: "Calorific value",
    0x15: "Hot water (>90°C)",
    0x16: "Cold water",
    0x17: "Dual water",
    0x18: "Pressure",
    0x19: "A/D Converter",
    0x1A: "Smoke Detector",
    0x1B: "Ambient Sensor",
    0x1C: "Gas Detector",
    0x20: "Breaker: Electricity",
    0x21: "Valve: Gas or Water",
    0x25: "Customer Unit: Display Device",
    0x28: "Waste Water",
    0x29: "Garbage",
    0x30: "Service Unit",
    0x36: "Radio Converter: System",
    0x37: "Radio Converter: Meter",
}

_QUALIFIERS = {
    0x20: "per second",
    0x21: "per minute",
    0x22: "per hour",
    0x23: "per day",
    0x24: "per week",
    0x25: "per month",
    0x26: "per year",
    0x27: "per revolution",
    0x28: "per input pulse, channel 0",
    0x29: "per input pulse, channel 1",
    0x2A: "per output pulse, channel 0",
    0x2B: "per output pulse, channel 1",
    0x2C: "per l",
    0x2D: "per m^3",
    0x2E: "per kg",
    0x2F: "per K",
    0x30: "per kWh",
    0x31: "per GJ",
    0x32: "per kW",
    0x33: "per K l",
    0x34: "per V",
    0x35: "per A",
    0x36: "multiplied by s",
    0x37: "multiplied by s/V",
    0x38: "multiplied by s/A",
    0x39: "start of",
    0x3A: "uncorrected",
    0x3B: "positive contributions only",
    0x3C: "negative contributions only",
    0x3E: "at base conditions",
    0x40: "lower limit",
    0x41: "times below the lower limit",
    0x48: "upper limit",
    0x49: "times above the upper limit",
    0x7E: "future value",
    0x7F: "manufacturer's own meaning",
}
_CORRECTIONS = range(0x70, 0x7E)  # they are in the value already


def medium(code: int | str | None) -> str | None:
    """The name of a header's medium; the fixed structure names it itself."""
    return _MEDIA.get(code, f"Unknown medium (0x{code:02x})") if isinstance(code, int) else code


def qualifiers(vifes: bytes) -> list[str]:
    """What the extensions behind a VIF narrow its quantity to, as far as it is not in the value already."""
    codes = [vife & 0x7F for vife in vifes]
    return [_QUALIFIERS.get(code, f"VIFE {code:02X}") for code in codes if code not in _CORRECTIONS]
