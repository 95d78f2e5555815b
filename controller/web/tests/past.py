"""The stored past of a post and a meter, made by hand; it counts what is asked.

Never reads a database. Specification: controller/services/history.py.
"""

from math import sin

from controller.services.history import Choice, Point
from controller.web.tests.town import START_S

POST, METER = Choice("0000000000000004", "Пост 1"), Choice("0000000000000003 1", "Будинок 7 · 12345678")
PM10, NO2, PULSES = Choice("pm10", "pm10", "ug/m3"), Choice("no2", "no2", "ppb"), Choice("e", "", "Wh")


class HandMadePast:
    """Stands where History stands, and counts what is asked."""

    def __init__(self) -> None:
        self.known: tuple[Choice, ...] = (POST, METER)
        self.asked: list[tuple[str, str]] = []

    def places(self) -> tuple[Choice, ...]:
        return self.known

    def values(self, place: str) -> tuple[Choice, ...]:
        return (PM10, NO2) if place == POST.id else (PULSES,)

    def last_day(self, place: str, value: str) -> tuple[Point, ...]:
        self.asked.append((place, value))
        if value == NO2.id:
            return ()
        minutes = [minute for minute in range(1440) if not 600 <= minute < 690]  # an hour and a half are missing
        return tuple(
            Point(
                START_S - 86_400 + 60 * minute,
                round(20 + 12 * sin(minute / 200), 1),
                ("warm_up",) if minute < 30 else (),
            )
            for minute in minutes
        )
