"""NMEA 0183 from a GNSS receiver: bytes in, whole fixes out, integers only.

It must never read a UART or a clock, and whatever bytes arrive, it raises nothing: what is bad is counted.
Spec: NMEA 0183 4.10, sentences RMC (position, course, date) and GGA (satellites, dilution).

One RMC is one fix; the GGA nearest before it adds satellites and HDOP. What the receiver left empty is None. A date is
passed on as the receiver gives it: one that has rolled over (every 1024 weeks) is the receiver's, not ours to mend.
"""

MAX_LINE = 144  # the standard says 82; sentences with more decimals reach 91, proprietary ones 132
SPACE = 0x20
DOLLAR = 0x24
STAR = 0x2A
END_OF_LINE = b"\r\n"
TALKERS = (b"GP", b"GN", b"GL", b"GA", b"BD", b"GB", b"QZ")
PIVOT_YEAR = 80  # GPS time begins in 1980: 80..99 are of the last century
GGA_KEEPS_FOR = 10  # fixes; receivers that are set to save the line send GGA less often than RMC

DAYS_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Fix:
    """valid: the receiver knows where it is; else lat_e7 and lon_e7 are None, the time may still be known.

    lat_e7, lon_e7: degrees · 10⁷, north and east positive. speed_cmps, course_cdeg: over ground, true north.
    hdop_c: HDOP · 100. utc_ms: since 1970, None without time or date.
    """

    def __init__(self):
        self.valid = False
        self.lat_e7: int | None = None
        self.lon_e7: int | None = None
        self.speed_cmps: int | None = None
        self.course_cdeg: int | None = None
        self.satellites: int | None = None
        self.hdop_c: int | None = None
        self.utc_ms: int | None = None


class NmeaReader:
    """Counters: sentences (good ones of any kind), and bad ones by reason: checksum, malformed, overlong."""

    def __init__(self):
        self._line = bytearray(MAX_LINE)
        self._length = 0
        self._overlong = False
        self._satellites: int | None = None
        self._hdop_c: int | None = None
        self._gga_age = GGA_KEEPS_FOR
        self.sentences = 0
        self.checksum = 0
        self.malformed = 0
        self.overlong = 0

    def feed(self, data, size: int = -1):
        """Takes data (its first `size` bytes), returns the fixes that they complete: a list, or an empty tuple."""
        fixes = ()
        line = self._line
        length = self._length
        for index in range(len(data) if size < 0 else size):
            byte = data[index]
            # a sentence that lost its end is not worth the next one: $ begins a line anywhere
            if byte in END_OF_LINE or (byte == DOLLAR and length):
                fix = self._end(length)
                length = 0
                if fix is not None:
                    if not fixes:
                        fixes = []
                    fixes.append(fix)
            if byte <= SPACE and not length:
                continue  # the line's end, and what an idle line or a logger puts between sentences
            if length < MAX_LINE:
                line[length] = byte
                length += 1
            else:
                self._overlong = True
        self._length = length
        return fixes

    def _end(self, length):
        if self._overlong:
            self._overlong = False
            self.overlong += 1
            return None
        if not length:
            return None
        line = self._line
        if length < 9 or line[0] != DOLLAR or line[length - 3] != STAR:
            self.malformed += 1
            return None
        check = 0
        for index in range(1, length - 3):
            check ^= line[index]
        if _hex(line[length - 2]) << 4 | _hex(line[length - 1]) != check:
            self.checksum += 1
            return None
        self.sentences += 1
        kind = bytes(line[3:6])
        if (kind != b"RMC" and kind != b"GGA") or bytes(line[1:3]) not in TALKERS:
            return None
        fields = bytes(line[7 : length - 3]).split(b",")
        try:
            if kind == b"RMC":
                return self._rmc(fields)
            self._gga(fields)
        except (ValueError, IndexError):
            self.sentences -= 1
            self.malformed += 1
        return None

    def _rmc(self, fields):
        """hhmmss.ss, A or V, ddmm.mm, N or S, dddmm.mm, E or W, knots, degrees, ddmmyy, …"""
        fix = Fix()
        fix.utc_ms = _utc_ms(fields[0], fields[8])
        if fields[1] == b"A":
            lat_e7 = _degrees_e7(fields[2], fields[3], b"N", b"S", 90)
            lon_e7 = _degrees_e7(fields[4], fields[5], b"E", b"W", 180)
            if lat_e7 is None or lon_e7 is None:
                raise ValueError
            fix.valid = True
            fix.lat_e7 = lat_e7
            fix.lon_e7 = lon_e7
            knots_e3 = _scaled(fields[6], 3, 2_000_000)
            if knots_e3 is not None:
                fix.speed_cmps = (knots_e3 * 463 + 4500) // 9000  # one knot is 1852 m an hour
            fix.course_cdeg = _scaled(fields[7], 2, 36000)
        elif fields[1] != b"V":
            raise ValueError
        if self._gga_age < GGA_KEEPS_FOR:
            self._gga_age += 1
            fix.satellites = self._satellites
            fix.hdop_c = self._hdop_c
        return fix

    def _gga(self, fields):
        """hhmmss.ss, ddmm.mm, N or S, dddmm.mm, E or W, quality, satellites, HDOP, …"""
        satellites = _scaled(fields[6], 0, 99)
        self._hdop_c = _scaled(fields[7], 2, 9999)
        self._satellites = satellites
        self._gga_age = 0


def _hex(byte):
    """The digit's value; 0x100, which matches no checksum, for anything else."""
    if 0x30 <= byte <= 0x39:
        return byte - 0x30
    byte |= 0x20
    if 0x61 <= byte <= 0x66:
        return byte - 0x57
    return 0x100


def _number(digits):
    if not digits.isdigit():
        raise ValueError
    return int(digits)


def _scaled(field, decimals, limit):
    """ "12.34" with two decimals is 1234; None for an empty field."""
    if not field:
        return None
    whole, _, fraction = field.partition(b".")
    return _fixed_point(whole or b"0", fraction, decimals, limit)


def _fixed_point(whole, fraction, decimals, limit):
    """Further decimals than wanted are cut."""
    if fraction and not fraction.isdigit():
        raise ValueError
    value = _number(whole + (fraction + b"0000000")[:decimals])
    if value > limit:
        raise ValueError
    return value


def _degrees_e7(field, hemisphere, positive, negative, limit):
    if not field:
        return None
    whole, _, fraction = field.partition(b".")
    if len(whole) < 3:
        raise ValueError
    minutes_e7 = _fixed_point(whole[-2:], fraction, 7, 599_999_999)
    degrees_e7 = _number(whole[:-2]) * 10_000_000 + (minutes_e7 + 30) // 60
    if degrees_e7 > limit * 10_000_000:
        raise ValueError
    if hemisphere == negative:
        return -degrees_e7
    if hemisphere != positive:
        raise ValueError
    return degrees_e7


def _utc_ms(clock, date):
    if not clock or not date:
        return None
    if len(clock) < 6 or len(date) != 6:
        raise ValueError
    hour = _number(clock[0:2])
    minute = _number(clock[2:4])
    second, _, fraction = clock[4:].partition(b".")
    second_ms = _fixed_point(second, fraction, 3, 60_999)
    day = _number(date[0:2])
    month = _number(date[2:4])
    year = _number(date[4:6])
    year += 1900 if year >= PIVOT_YEAR else 2000
    if hour > 23 or minute > 59 or not 1 <= month <= 12 or not 1 <= day <= DAYS_IN_MONTH[month - 1]:
        raise ValueError
    days = (year - 1970) * 365 + (year - 1969) // 4 + DAYS_BEFORE_MONTH[month - 1] + day - 1
    if month > 2 and year % 4 == 0:  # every fourth year: 1900 and 2100 are out of reach of two digits
        days += 1
    return ((days * 24 + hour) * 60 + minute) * 60_000 + second_ms
