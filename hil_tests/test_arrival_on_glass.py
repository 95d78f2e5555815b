"""A vehicle's position becomes an arrival on a display's glass, and the controller knows what really stands there."""

import zlib

from hil_tests.conftest import City, eventually


def test_the_display_shows_the_arrivals_of_moving_vehicles(city: City) -> None:
    eventually("arrivals on the glass", lambda: city.counts_while_driving("arrivals_shown") > 0)
    lit = sum(map(sum, city.display.picture()))
    assert lit > 50, "text is on the panel"


def test_the_picture_that_the_controller_holds_is_the_one_on_the_glass(city: City) -> None:
    def proven() -> bool:
        city.drive()
        (display,) = city.controller.get("/api/v1/town?shapes=false")["displays"]
        return bool(
            display["mode"] == "arrivals" and display["picture_crc"] == zlib.crc32(city.display.packed_picture())
        )

    eventually("a record whose checksum is that of the lit pixels", proven)


def test_a_display_that_loses_power_shows_arrivals_again(city: City) -> None:
    eventually("arrivals on the glass", lambda: city.counts_while_driving("arrivals_shown") > 0)
    before = city.controller.counters()["arrivals_shown"]
    city.display.cut_power()
    assert sum(map(sum, city.display.picture())) == 0, "dark without power"
    city.display.start()
    eventually("arrivals again", lambda: city.counts_while_driving("arrivals_shown") > before)
