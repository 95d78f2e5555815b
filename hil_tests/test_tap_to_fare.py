"""A tap on the reader becomes one ride in the controller's database: the newcomer's path ends here."""

import pytest

from hil_tests.conftest import City, eventually

MEDIA = ["desfire", "classic", "ultralight", "bank", "phone"]


@pytest.mark.parametrize("medium", MEDIA)
def test_every_medium_gets_a_green_light_and_is_counted_once(city: City, medium: str) -> None:
    city.tap(medium)
    eventually("the ride is stored", lambda: city.controller.counters()["taps"] == 1)
    eventually("journal and database agree", lambda: city.reconciles(city.validator_name))


def test_a_tap_survives_a_power_cut_before_the_receipt(city: City) -> None:
    city.controller.kill()  # so that no receipt can come
    city.tap()  # green: durable by now, so:
    city.validator.cut_power()
    city.controller.start()
    city.validator.start()
    eventually("the ride is stored", lambda: city.controller.counters()["taps"] == 1)
    eventually("journal and database agree", lambda: city.reconciles(city.validator_name))


def test_a_medium_that_rests_on_the_reader_is_one_ride(city: City) -> None:
    city.validator.present("desfire")
    city.validator.wait_light("green", 10)
    eventually("two positions later", lambda: city.counts_while_driving("positions") >= 2)
    city.validator.remove_card()
    eventually("journal and database agree", lambda: city.reconciles(city.validator_name))
    assert city.controller.counters()["taps"] == 1
