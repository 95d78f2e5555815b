"""What a value information field says: the quantity, the unit and the power of ten.

Never sees a value. Units and names are those of libmbus's normalised output, so that tools can be compared with it.
Specification: EN 13757-3, tables 10 (primary), 12 (after FB), 14 (after FD) and 15 (combinable extensions).
"""

FIRST_EXTENSION = 0x100  # codes that follow FD stand here at 0x100 to 0x17F
SECOND_EXTENSION = 0x200  # codes that follow FB

PLAIN = 0  # how the codes of a row count: all the same,
TENS = 1  # each ten times the one before,
TIME = 2  # or seconds, minutes, hours, days, months, years, beginning with the row's number
DATE = 3  # a point in time, whose form the data's length tells

SECONDS = (1, 60, 3_600, 86_400, 2_629_744, 31_556_926)  # months and years are mean ones

# first code, last code, how they count, power of ten or time unit of the first, unit, quantity
_ROWS = (
    (0x00, 0x07, TENS, -3, "Wh", "Energy"),
    (0x08, 0x0F, TENS, 0, "J", "Energy"),
    (0x10, 0x17, TENS, -6, "m^3", "Volume"),
    (0x18, 0x1F, TENS, -3, "kg", "Mass"),
    (0x20, 0x23, TIME, 0, "s", "On time"),
    (0x24, 0x27, TIME, 0, "s", "Operating time"),
    (0x28, 0x2F, TENS, -3, "W", "Power"),
    (0x30, 0x37, TENS, 0, "J/h", "Power"),
    (0x38, 0x3F, TENS, -6, "m^3/h", "Volume flow"),
    (0x40, 0x47, TENS, -7, "m^3/min", "Volume flow"),
    (0x48, 0x4F, TENS, -9, "m^3/s", "Volume flow"),
    (0x50, 0x57, TENS, -3, "kg/h", "Mass flow"),
    (0x58, 0x5B, TENS, -3, "°C", "Flow temperature"),
    (0x5C, 0x5F, TENS, -3, "°C", "Return temperature"),
    (0x60, 0x63, TENS, -3, "K", "Temperature difference"),
    (0x64, 0x67, TENS, -3, "°C", "External temperature"),
    (0x68, 0x6B, TENS, -3, "bar", "Pressure"),
    (0x6C, 0x6C, DATE, 0, "-", "Time point (date)"),
    (0x6D, 0x6D, DATE, 0, "-", "Time point (date & time)"),
    (0x6E, 0x6E, PLAIN, 0, "Units for H.C.A.", "H.C.A."),
    (0x70, 0x73, TIME, 0, "s", "Averaging Duration"),
    (0x74, 0x77, TIME, 0, "s", "Actuality Duration"),
    (0x78, 0x78, PLAIN, 0, "", "Fabrication No"),
    (0x79, 0x79, PLAIN, 0, "", "(Enhanced) Identification"),
    (0x7A, 0x7A, PLAIN, 0, "", "Bus Address"),
    (0x7E, 0x7E, PLAIN, 0, "", "Any VIF"),
    (0x7F, 0x7F, PLAIN, 0, "", "Manufacturer specific"),
    (0x100, 0x103, TENS, -3, "Currency units", "Credit"),
    (0x104, 0x107, TENS, -3, "Currency units", "Debit"),
    (0x108, 0x108, PLAIN, 0, "", "Access Number (transmission count)"),
    (0x109, 0x109, PLAIN, 0, "", "Medium"),
    (0x10A, 0x10A, PLAIN, 0, "", "Manufacturer"),
    (0x10B, 0x10B, PLAIN, 0, "", "Parameter set identification"),
    (0x10C, 0x10C, PLAIN, 0, "", "Model / Version"),
    (0x10D, 0x10D, PLAIN, 0, "", "Hardware version"),
    (0x10E, 0x10E, PLAIN, 0, "", "Firmware version"),
    (0x10F, 0x10F, PLAIN, 0, "", "Software version"),
    (0x110, 0x110, PLAIN, 0, "", "Customer location"),
    (0x111, 0x111, PLAIN, 0, "", "Customer"),
    (0x112, 0x112, PLAIN, 0, "", "Access Code User"),
    (0x113, 0x113, PLAIN, 0, "", "Access Code Operator"),
    (0x114, 0x114, PLAIN, 0, "", "Access Code System Operator"),
    (0x115, 0x115, PLAIN, 0, "", "Access Code Developer"),
    (0x116, 0x116, PLAIN, 0, "", "Password"),
    (0x117, 0x117, PLAIN, 0, "", "Error flags"),
    (0x118, 0x118, PLAIN, 0, "", "Error mask"),
    (0x119, 0x119, PLAIN, 0, "", "Security key"),
    (0x11A, 0x11A, PLAIN, 0, "", "Digital Output"),
    (0x11B, 0x11B, PLAIN, 0, "", "Digital Input"),
    (0x11C, 0x11C, PLAIN, 0, "Baud", "Baudrate"),
    (0x11D, 0x11D, PLAIN, 0, "Bittimes", "Response delay time"),
    (0x11E, 0x11E, PLAIN, 0, "", "Retry"),
    (0x11F, 0x11F, PLAIN, 0, "", "Remote control"),
    (0x120, 0x120, PLAIN, 0, "", "First storage # for cyclic storage"),
    (0x121, 0x121, PLAIN, 0, "", "Last storage # for cyclic storage"),
    (0x122, 0x122, PLAIN, 0, "", "Size of storage block"),
    (0x123, 0x123, PLAIN, 0, "", "Descriptor for tariff and device"),
    (0x124, 0x129, TIME, 0, "s", "Storage interval"),
    (0x12A, 0x12A, PLAIN, 0, "", "Operator specific data"),
    (0x12B, 0x12B, PLAIN, 0, "s", "Time point second"),
    (0x12C, 0x12F, TIME, 0, "s", "Duration since last readout"),
    (0x130, 0x130, DATE, 0, "-", "Start of tariff"),
    (0x131, 0x133, TIME, 1, "s", "Duration of tariff"),
    (0x134, 0x139, TIME, 0, "s", "Period of tariff"),
    (0x13A, 0x13A, PLAIN, 0, "", "Dimensionless"),
    (0x13B, 0x13B, PLAIN, 0, "", "Data container for wireless M-Bus"),
    (0x13C, 0x13F, TIME, 0, "s", "Period of nominal data transmissions"),
    (0x140, 0x14F, TENS, -9, "V", "Voltage"),
    (0x150, 0x15F, TENS, -12, "A", "Current"),
    (0x160, 0x160, PLAIN, 0, "", "Reset counter"),
    (0x161, 0x161, PLAIN, 0, "", "Cumulation counter"),
    (0x162, 0x162, PLAIN, 0, "", "Control signal"),
    (0x163, 0x163, PLAIN, 0, "", "Day of week"),
    (0x164, 0x164, PLAIN, 0, "", "Week number"),
    (0x165, 0x165, PLAIN, 0, "", "Time point of day change"),
    (0x166, 0x166, PLAIN, 0, "", "State of parameter activation"),
    (0x167, 0x167, PLAIN, 0, "", "Special supplier information"),
    (0x168, 0x16B, TIME, 2, "s", "Duration since last cumulation"),
    (0x16C, 0x16F, TIME, 2, "s", "Operating time battery"),
    (0x170, 0x170, DATE, 0, "", "Date and time of battery change"),
    (0x171, 0x171, PLAIN, 0, "dBm", "Radio signal level"),
    (0x172, 0x172, PLAIN, 0, "", "Daylight saving"),
    (0x173, 0x173, PLAIN, 0, "", "Listening window management"),
    (0x174, 0x174, TIME, 3, "s", "Remaining battery life time"),
    (0x175, 0x175, PLAIN, 0, "", "Number of times the meter was stopped"),
    (0x176, 0x176, PLAIN, 0, "", "Data container for manufacturer specific protocol"),
    (0x200, 0x201, TENS, 5, "Wh", "Energy"),
    (0x202, 0x203, TENS, 3, "varh", "Reactive energy"),
    (0x204, 0x205, TENS, 3, "VAh", "Apparent energy"),
    (0x208, 0x209, TENS, 8, "J", "Energy"),
    (0x20C, 0x20F, TENS, 5, "cal", "Energy"),
    (0x210, 0x211, TENS, 2, "m^3", "Volume"),
    (0x214, 0x217, TENS, 0, "var", "Reactive power"),
    (0x218, 0x219, TENS, 5, "kg", "Mass"),
    (0x21A, 0x21B, TENS, -1, "%", "Relative humidity"),
    (0x220, 0x220, PLAIN, 0, "feet^3", "Volume"),
    (0x221, 0x221, PLAIN, -1, "feet^3", "Volume"),
    (0x222, 0x223, TENS, -1, "American gallon", "Volume"),
    (0x224, 0x224, PLAIN, -3, "American gallon/min", "Volume flow"),
    (0x225, 0x225, PLAIN, 0, "American gallon/min", "Volume flow"),
    (0x226, 0x226, PLAIN, 0, "American gallon/h", "Volume flow"),
    (0x228, 0x229, TENS, 5, "W", "Power"),
    (0x22A, 0x22A, PLAIN, -1, "°", "Phase, voltage to voltage"),
    (0x22B, 0x22B, PLAIN, -1, "°", "Phase, voltage to current"),
    (0x22C, 0x22F, TENS, -3, "Hz", "Frequency"),
    (0x230, 0x231, TENS, 8, "J/h", "Power"),
    (0x234, 0x237, TENS, 0, "VA", "Apparent power"),
    (0x258, 0x25B, TENS, -3, "°F", "Flow temperature"),
    (0x25C, 0x25F, TENS, -3, "°F", "Return temperature"),
    (0x260, 0x263, TENS, -3, "°F", "Temperature difference"),
    (0x264, 0x267, TENS, -3, "°F", "External temperature"),
    (0x270, 0x273, TENS, -3, "°F", "Cold / Warm Temperature Limit"),
    (0x274, 0x277, TENS, -3, "°C", "Cold / Warm Temperature Limit"),
    (0x278, 0x27F, TENS, -3, "W", "Cumul count max power"),
)

MANUFACTURER = 0x7F  # as VIF or VIFE: what follows in the block is the manufacturer's own
_MULTIPLY = 0x70  # VIFE 70 to 77: times 10^(nnn-6)
_ADD = 0x78  # VIFE 78 to 7B: plus 10^(nn-3) units of the VIF
_THOUSAND = 0x7D  # VIFE 7D: times 1000


def meaning(code: int) -> tuple[int, int, int, str, str]:
    """(how it counts, power of ten, factor of a time unit, unit, quantity) of a code without its extension bit."""
    low, high = 0, len(_ROWS)
    while low < high:
        middle = (low + high) // 2
        first, last, counts, start, unit, quantity = _ROWS[middle]
        if code < first:
            high = middle
        elif code > last:
            low = middle + 1
        elif counts == TIME:
            return counts, 0, SECONDS[start + code - first], unit, quantity
        else:
            return counts, start + (code - first if counts == TENS else 0), 1, unit, quantity
    return PLAIN, 0, 1, "", f"Unknown (VIF {code:02X})"


def corrected(raw: int | float, exponent: int, vife: int) -> tuple[int | float, int]:
    """(raw, exponent) as a combinable VIFE changes them; one that is no number changes nothing."""
    code = vife & 0x7F
    if _MULTIPLY <= code < _ADD:
        return raw, exponent + code - _MULTIPLY - 6
    if _ADD <= code < _ADD + 4:
        places = 3 - (code - _ADD)
        return raw * 10**places + 1, exponent - places
    if code == _THOUSAND:
        return raw, exponent + 3
    return raw, exponent
