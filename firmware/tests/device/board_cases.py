"""What a stop display's board says: the table of words, rows that pass, data that grows old.

It must never need a panel: a view is rows of texts.
Spec: firmware/nodes/arrival_board.py; design, domain.md "Stop display".
"""

from firmware.messages import TEXTS, texts
from firmware.nodes.arrival_board import ArrivalBoard
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import arrival_row, show_arrivals
from protocols.wire.text import pad

NOW_S = 1_790_000_000
REALTIME = arrival_row.FLAGS_REALTIME
WORDS = (  # seconds left, Ukrainian, English
    (-10, "зараз", "now"),
    (0, "зараз", "now"),
    (30, "зараз", "now"),
    (31, "<1 хв", "<1 min"),
    (59, "<1 хв", "<1 min"),
    (60, "1 хв", "1 min"),
    (119, "1 хв", "1 min"),
    (120, "2 хв", "2 min"),
    (433, "7 хв", "7 min"),
    (2700, "45 хв", "45 min"),
    (2701, "AT 1790002701", "AT 1790002701"),
    (7200, "AT 1790007200", "AT 1790007200"),
)


def a_row(left_s, flags=REALTIME, route="11А", headsign="Сихів"):
    return arrival_row.build(arrival_row.ArrivalRow(NOW_S + left_s, flags, pad(route, 8), pad(headsign, 48)))


def a_board(*rows, data_s=NOW_S, language="uk"):
    board = ArrivalBoard(texts(language), lambda utc_s: f"AT {utc_s}")
    board.take(show_arrivals.build(show_arrivals.ShowArrivals(data_s, b"".join(rows))), NOW_S)
    return board


def words(board, later_s=0):
    return [row.words for row in board.view(NOW_S + later_s).rows]


def test_the_words_are_those_of_the_table_in_both_languages():
    for left_s, ukrainian, english in WORDS:
        assert words(a_board(a_row(left_s))) == [ukrainian], left_s
        assert words(a_board(a_row(left_s), language="en")) == [english], left_s


def test_both_languages_hold_the_same_texts():
    assert sorted(TEXTS["uk"]) == sorted(TEXTS["en"])


def test_a_row_counts_down_by_itself_and_vanishes_when_the_vehicle_has_left():
    board = a_board(a_row(130), a_row(400))
    assert words(board) == ["2 хв", "6 хв"]
    assert words(board, 75) == ["<1 хв", "5 хв"]
    assert [word.lstrip("~") for word in words(board, 130)] == ["зараз", "4 хв"]
    assert [word.lstrip("~") for word in words(board, 141)] == ["4 хв"]


def test_a_row_of_the_timetable_is_marked_and_one_of_a_vehicle_is_not():
    assert words(a_board(a_row(200, 0), a_row(300))) == ["~3 хв", "5 хв"]


def test_a_board_without_any_position_behind_it_is_marked_as_a_whole():
    assert words(a_board(a_row(200), data_s=0)) == ["~3 хв"]


def test_data_older_than_ninety_seconds_is_marked():
    board = a_board(a_row(600))
    assert words(board, 90) == ["8 хв"]
    assert words(board, 91) == ["~8 хв"]


def test_a_feed_that_is_silent_for_five_minutes_is_told_beside_the_rows():
    board = a_board(a_row(1200))
    assert not board.view(NOW_S + 300).no_data
    silent = board.view(NOW_S + 301)
    assert silent.no_data
    assert [row.words for row in silent.rows] == ["~14 хв"]


def test_a_board_whose_rows_have_all_passed_has_no_data():
    board = a_board(a_row(10))
    assert board.view(NOW_S + 21) == ([], True)
    assert a_board().view(NOW_S) == ([], True)


def test_texts_and_symbols_arrive_as_they_were_sent():
    row = a_board(a_row(60, REALTIME | arrival_row.FLAGS_LOW_FLOOR, "№5", "Їжакевича")).view(NOW_S).rows[0]
    assert (row.route, row.headsign, row.low_floor) == ("№5", "Їжакевича", True)


def test_a_malformed_board_leaves_the_one_before_it():
    board = a_board(a_row(60))
    for rows in (b"x", a_row(1)[:-1], a_row(1) * 9):
        body = show_arrivals.build(show_arrivals.ShowArrivals(NOW_S, rows))
        for hostile in (body, body[:-1], b""):
            try:
                board.take(hostile, NOW_S)
            except MalformedFrame:
                continue
            raise AssertionError(hostile)
    assert words(board) == ["1 хв"]
