"""What the NMEA reader makes of sentences, good, void, damaged; the same on both interpreters.

It must never need more than the reader: bytes in, fixes out.
Spec: NMEA 0183 4.10; firmware/drivers/nmea.py.
"""

from firmware.drivers.nmea import MAX_LINE, NmeaReader

RMC = b"$GPRMC,123519.00,A,4807.038,N,01131.324,E,022.4,084.4,230394,003.1,W*41\r\n"
GGA = b"$GPGGA,123519,4807.038,N,01131.324,E,1,08,0.9,545.4,M,46.9,M,,*42\r\n"


def sentence(body):
    check = 0
    for byte in body:
        check ^= byte
    return b"$" + body + b"*%02X\r\n" % check


def rmc(
    clock=b"123519", status=b"A", lat=b"4807.038,N", lon=b"01131.324,E", knots=b"22.4", course=b"84.4", date=b"230394"
):
    return sentence(b",".join((b"GPRMC", clock, status, lat, lon, knots, course, date, b"", b"", b"A")))


def only_fix(data):
    fixes = NmeaReader().feed(data)
    assert len(fixes) == 1, len(fixes)
    return fixes[0]


def utc_ms(clock, date):
    return only_fix(rmc(clock=clock, date=date)).utc_ms


def test_an_rmc_becomes_a_fix_in_integers():
    fix = only_fix(RMC)
    assert fix.valid
    assert fix.lat_e7 == 481173000
    assert fix.lon_e7 == 115220667
    assert fix.speed_cmps == 1152  # 22.4 kn · 51.4444
    assert fix.course_cdeg == 8440
    assert fix.utc_ms == 764426119000  # 1994-03-23 12:35:19
    assert fix.satellites is None
    assert fix.hdop_c is None


def test_the_gga_before_it_adds_satellites_and_dilution():
    fix = only_fix(GGA + RMC)
    assert fix.satellites == 8
    assert fix.hdop_c == 90


def test_a_gga_alone_is_no_fix():
    assert len(NmeaReader().feed(GGA)) == 0


def test_an_old_gga_is_forgotten():
    fixes = NmeaReader().feed(GGA + RMC * 12)
    assert [fix.satellites for fix in fixes] == [8] * 10 + [None] * 2


def test_bytes_may_come_one_at_a_time():
    reader = NmeaReader()
    fixes = []
    for index in range(len(GGA + RMC)):
        fixes += reader.feed((GGA + RMC)[index : index + 1])
    assert len(fixes) == 1
    assert fixes[0].lat_e7 == 481173000
    assert fixes[0].satellites == 8


def test_only_the_given_part_of_a_buffer_is_read():
    buffer = bytearray(RMC + b"$GPRMC,rubbish\r\n")
    reader = NmeaReader()
    assert len(reader.feed(buffer, len(RMC))) == 1
    assert reader.malformed == 0


def test_south_and_west_are_negative():
    fix = only_fix(rmc(lat=b"3747.0873,S", lon=b"07726.4523,W"))
    assert fix.lat_e7 == -377847883
    assert fix.lon_e7 == -774408717


def test_minutes_with_many_decimals_keep_seven_of_them():
    assert only_fix(rmc(lat=b"4134.49821229,N")).lat_e7 == 415749702


def test_a_void_fix_has_a_time_and_no_place():
    fix = only_fix(rmc(status=b"V"))
    assert not fix.valid
    assert fix.lat_e7 is None
    assert fix.lon_e7 is None
    assert fix.utc_ms == 764426119000


def test_a_receiver_that_knows_nothing_yet_gives_an_empty_void_fix():
    fix = only_fix(sentence(b"GNRMC,,V,,,,,,,,,,N"))
    assert not fix.valid
    assert fix.utc_ms is None


def test_standing_still_has_no_course():
    fix = only_fix(rmc(knots=b"0.00", course=b""))
    assert fix.speed_cmps == 0
    assert fix.course_cdeg is None


def test_every_constellation_may_speak():
    for talker in (b"GP", b"GN", b"GL", b"GA", b"BD", b"GB", b"QZ"):
        assert only_fix(sentence(talker + rmc()[3:-5])).valid


def test_a_ship_that_speaks_is_not_heard():
    reader = NmeaReader()
    assert len(reader.feed(sentence(b"SD" + rmc()[3:-5]))) == 0
    assert reader.sentences == 1


def test_the_years_from_80_are_of_the_last_century():
    assert utc_ms(b"000000", b"010180") == 315532800000
    assert utc_ms(b"235959.999", b"311299") == 946684799999
    assert utc_ms(b"000000", b"010100") == 946684800000
    assert utc_ms(b"000000", b"311279") == 3471206400000


def test_leap_days_count():
    assert utc_ms(b"000000", b"290224") == 1709164800000
    assert utc_ms(b"000000", b"010324") == 1709251200000
    assert utc_ms(b"000000", b"010325") == 1740787200000


def test_a_leap_second_is_a_time():
    assert utc_ms(b"235960", b"311216") == 1483228800000


def test_a_wrong_checksum_is_counted_and_the_next_sentence_is_good():
    reader = NmeaReader()
    assert len(reader.feed(RMC.replace(b"*41", b"*40") + RMC)) == 1
    assert reader.checksum == 1
    assert reader.sentences == 1


def test_a_checksum_that_is_no_number_is_wrong():
    reader = NmeaReader()
    assert len(reader.feed(RMC.replace(b"*41", b"*4G"))) == 0
    assert reader.checksum == 1


def test_a_sentence_without_a_checksum_is_malformed():
    reader = NmeaReader()
    assert len(reader.feed(RMC.replace(b"*41", b""))) == 0
    assert reader.malformed == 1


def test_a_sentence_that_lost_its_end_does_not_take_the_next_with_it():
    reader = NmeaReader()
    assert len(reader.feed(RMC[:30] + RMC)) == 1
    assert reader.malformed == 1


def test_an_endless_line_is_overlong_once_and_takes_no_memory():
    reader = NmeaReader()
    assert len(reader.feed(b"x" * (3 * MAX_LINE) + b"\r\n" + RMC)) == 1
    assert reader.overlong == 1
    assert reader.malformed == 0


def test_the_rest_of_an_idle_line_is_no_sentence():
    reader = NmeaReader()
    assert len(reader.feed(b"\x00\x00" + RMC + b"   \r\n\r\n\x00" + RMC)) == 2
    assert reader.malformed == 0


def test_fields_that_make_no_sense_are_malformed():
    wrong = (
        rmc(lat=b"4860.000,N"),
        rmc(lat=b"9100.000,N"),
        rmc(lat=b"4807.038,X"),
        rmc(lat=b"07,N"),
        rmc(lat=b"-807.038,N"),
        rmc(lat=b","),
        rmc(lon=b"18100.000,E"),
        rmc(lon=b"011 1.324,E"),
        rmc(status=b"X"),
        rmc(status=b""),
        rmc(knots=b"99999"),
        rmc(knots=b"1e3"),
        rmc(course=b"361"),
        rmc(course=b"1.2.3"),
        rmc(clock=b"246060"),
        rmc(clock=b"12351"),
        rmc(clock=b"126019"),
        rmc(clock=b"123561"),
        rmc(date=b"320194"),
        rmc(date=b"311394"),
        rmc(date=b"2303-1"),
        rmc(date=b"23031994"),
        sentence(b"GPRMC,123519,A"),
        sentence(b"GPGGA,123519"),
        sentence(b"GPGGA,123519,4807.038,N,01131.324,E,1,-8,0.9,545.4,M,46.9,M,,"),
    )
    for data in wrong:
        reader = NmeaReader()
        assert len(reader.feed(data)) == 0, data
        assert (reader.malformed, reader.sentences) == (1, 0), data
