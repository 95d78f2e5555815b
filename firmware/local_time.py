"""What a clock on the wall shows: hours and minutes of a fixed offset, with the European summer time or without.

Never knows a city; a display is provisioned with its offset.
Specification: Directive 2000/84/EC: summer time from the last Sunday of March to that of October, both 01:00 UTC.
"""

DAY_S = 86_400
SUMMER_S = 3_600
MARCH_31 = 89  # days before, in a common year
OCTOBER_31 = 303
EPOCH_WEEKDAY = 4  # 1970-01-01 was a Thursday; Sunday is 0


def clock_text(utc_s, offset_min, has_summer_time):
    """ "HH:MM" of a Unix time."""
    local_s = utc_s + offset_min * 60
    if has_summer_time and is_summer(utc_s):
        local_s += SUMMER_S
    minutes = local_s // 60 % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


def is_summer(utc_s):
    """Whether European summer time is in force."""
    days = utc_s // DAY_S
    year = 1970 + days * 400 // 146_097  # may be one too late on the last day of a year: then still no summer
    start = _days_before(year)
    leap = _days_before(year + 1) - start - 365
    begins_s = _last_sunday(start + MARCH_31 + leap) * DAY_S + SUMMER_S
    ends_s = _last_sunday(start + OCTOBER_31 + leap) * DAY_S + SUMMER_S
    return begins_s <= utc_s < ends_s


def _days_before(year):
    past = year - 1
    return (year - 1970) * 365 + past // 4 - past // 100 + past // 400 - 477


def _last_sunday(last_day):
    return last_day - (last_day + EPOCH_WEEKDAY) % 7
