"""The live registers of a fare validator; firmware/nodes/fare_validator.py gives their values in this order.

Never holds a card's token. Specification: protocols/wire/registers.py.
"""

ROWS = (  # name, type, unit, scale, meaning
    ("in_service", "u16", "", 1, "1 in service, 0 not: reader dead or journal full"),
    ("vehicle", "u32", "", 1, "provisioned vehicle number"),
    ("door", "u16", "", 1, ""),
    ("trip_ref", "u32", "", 1, "last assigned trip; 0: none"),
    ("accepted", "u32", "", 1, "taps shown green since this start"),
    ("refused", "u32", "", 1, "taps not shown green since this start"),
    ("lat", "f32", "degree", 1, "WGS 84; a float32 is good to half a metre"),
    ("lon", "f32", "degree", 1, "WGS 84"),
    ("lat_e7", "i32", "degree", 1e-7, "the same, exactly"),
    ("lon_e7", "i32", "degree", 1e-7, ""),
    ("speed", "u16", "m/s", 0.01, "over ground"),
    ("satellites", "u16", "", 1, "used for this position"),
)
