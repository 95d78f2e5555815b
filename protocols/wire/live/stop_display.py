"""The live registers of a stop display; firmware/nodes/stop_display.py gives their values in this order.

Never holds the text on the glass. Specification: protocols/wire/registers.py.
"""

ROWS = (  # name, type, unit, scale, meaning
    ("mode", "u16", "", 1, "what the glass shows: mode of shown_on_glass"),
    ("rows", "u16", "", 1, "arrivals on the glass"),
    ("board_age", "u32", "s", 1, "since the last board came"),
    ("picture_crc", "u32", "", 1, "CRC-32 of the glass"),
    ("width", "u16", "pixel", 1, ""),
    ("height", "u16", "pixel", 1, ""),
    ("brightness", "u16", "", 1, "0 to 15"),
)
