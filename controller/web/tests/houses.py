"""A controller's books made by hand: alarms that are over, and two buildings with their meters, in a real database.

Never starts a controller; its services read what stands here. Specification: controller/store/alarms.py, buildings.py.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict

from controller.services.alarms_life import Alarm, Proof
from controller.store.alarms import AlarmRow, AlarmTable, NoteRow
from controller.store.buildings import BuildingTable, EnteredRow, Entries, EpochRow
from controller.web.tests.town import START_S

DAY_S = 86_400
SCHOOL, CLINIC = "Ліцей № 7", "Амбулаторія № 3"
STREET = "вул. Соборності, 12"
COMMENT = "Виїхала в депо"
POWER, HALL, WATER, HEAT = "Щитова", "Спортзал", "Підвал", "Тепловузол"
SERIALS = ("11112222", "33334444", "55556666", "77778888", "99990000")


def past_alarms(count: int = 3) -> list[tuple[Alarm, list[NoteRow]]]:
    """Ended by itself, closed with a record, closed in words alone; and again."""
    made = []
    for number in range(1, count + 1):
        since_s = START_S - 3 * DAY_S - 900.0 * (count - number)
        ended_s = since_s + 40 + 330 * (number % 20)
        node = f"00000000000000a{number % 8 + 1}"
        about = (since_s, since_s + 5, node, f"Валідатор {17 + number % 8}", str(17 + number % 8), "fare_validator")
        what, end, proof = (
            ("offline", "cleared", Proof("boot", ended_s, node, 118 + number, 0xBEEF)),
            ("out_of_service", "closed", Proof("commissioning", ended_s, node, text="order 12")),
            ("peripheral", "closed", Proof("statement", ended_s, node, text="Замінено зчитувач")),
        )[number % 3]
        who = "olena" if end == "closed" else ""
        alarm = Alarm(number, what, node, "bad", 70, *about, ended_s=ended_s, end=end, ended_by=who, proof=proof)
        notes = [NoteRow(number, since_s + 5, "opened", "", "")]
        if who:
            notes.append(NoteRow(number, since_s + 9, "assigned", "petro", "olena"))
            notes.append(NoteRow(number, since_s + 20, "commented", "olena", COMMENT))
        made.append((alarm, [*notes, NoteRow(number, ended_s, end, who, proof.text)]))
    return made


def keep_alarms(table: AlarmTable, made: Iterable[tuple[Alarm, list[NoteRow]]]) -> None:
    """Put them into the database."""
    rows, notes = [], []
    for one, told in made:
        body = json.dumps(asdict(one), ensure_ascii=False)
        rows.append(AlarmRow(one.id, one.kind, one.subject, one.node, one.opened_s, one.end, body))
        notes += told
    table.save(rows, notes)


def enter_houses(table: BuildingTable) -> None:
    """A lyceum with two electricity meters, one replaced five days ago, and water read each month; a clinic's heat."""
    points = [
        (SCHOOL, STREET, 4200.0, POWER, "electricity", "kWh"),
        (SCHOOL, STREET, 4200.0, HALL, "electricity", "MWh"),
        (SCHOOL, STREET, 4200.0, WATER, "water", "m^3"),
        (CLINIC, "", None, HEAT, "heat", "GJ"),
    ]
    began, replaced = _ms(70), _ms(5)
    epochs = [
        ((SCHOOL, POWER), _epoch(began, SERIALS[0], "kWh", digits=6)),
        ((SCHOOL, POWER), _epoch(replaced, SERIALS[1], "kWh", first=2.0, final_before=12_100.0, digits=6)),
        ((SCHOOL, HALL), _epoch(began, SERIALS[2], "MWh", digits=4)),
        ((SCHOOL, WATER), _epoch(began, SERIALS[3], "m^3", digits=5)),
        ((CLINIC, HEAT), _epoch(began, SERIALS[4], "GJ")),
    ]
    readings = [
        ((SCHOOL, POWER), _read(day, 12_100 - 30 * (day - 5))) for day in range(60, 5, -1) if day not in (12, 13)
    ]
    readings += [((SCHOOL, POWER), _read(day, 2 + 28.5 * (5 - day))) for day in range(4, -1, -1)]
    readings += [((SCHOOL, HALL), _read(day, 41.5 - 0.012 * day, "pushed")) for day in range(60, -1, -1)]
    readings += [((SCHOOL, WATER), _read(day, 890 - day)) for day in (62, 31, 1)]
    table.enter(Entries(points, epochs, readings), int(START_S), "olena")


def _ms(days_ago: float) -> int:
    return round((START_S - days_ago * DAY_S) * 1000)


def _read(days_ago: float, value: float, quality: str = "manual") -> EnteredRow:
    return EnteredRow(_ms(days_ago) - 3_600_000, value, "", quality)


def _epoch(
    from_ms: int,
    serial: str,
    unit: str,
    first: float | None = None,
    final_before: float | None = None,
    digits: int | None = None,
) -> EpochRow:
    return EpochRow(from_ms, serial, unit, 1.0, None, digits, first, final_before, "", "")
