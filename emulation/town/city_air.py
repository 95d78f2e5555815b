"""The air of the town at a moment: a day's course, traffic and gusts, somewhat different at every post.
It must never know a sensor.
Specification: none; the size of things is that of a mid-sized Ukrainian city on a day without wind from the works.
"""

from math import pi, sin

from emulation.peripherals.weather import Weather

DAY_S = 86_400


def blow(weather: Weather, now_s: float, number: int) -> None:
    """Make it the weather of that moment (Unix time) at that post."""
    day = sin(2 * pi * (now_s / DAY_S - 0.35))  # warmest in the afternoon
    traffic = 1 + 0.4 * sin(now_s / 37 + number) + 0.2 * sin(now_s / 5.3 + 2 * number)
    weather.temperature_c = 12 + 6 * day + 0.3 * number
    weather.humidity_percent = 62 - 18 * day
    weather.pressure_pa = 101_100 + 300 * sin(now_s / 90_000)
    weather.wind_mps = max(0.0, 3 + day + 1.5 * sin(now_s / 11 + number))
    weather.wind_from_deg = (250 + 40 * sin(now_s / 600 + number)) % 360
    weather.pm2_5_ugm3 = 11 * traffic + number
    weather.pm1_ugm3 = 0.7 * weather.pm2_5_ugm3
    weather.pm10_ugm3 = 1.7 * weather.pm2_5_ugm3
    weather.gases_ppb.update(
        no2=18 * traffic, no=9 * traffic, co=280 * traffic, so2=2.5, o3=30 + 12 * day - 6 * traffic
    )
