"""Light, beeper and button: what a person sees, hears and does, told from pins that change one after the other.

It must never know which pins.
Specification: the modules' own docstrings.
"""

from emulation.peripherals.beeper import Beep, Beeper
from emulation.peripherals.button import Button
from emulation.peripherals.clock import ManualClock
from emulation.peripherals.rgb_light import COLOURS, FULL_DUTY, SETTLE_US, RgbLight


def show(light: RgbLight, red: int, green: int, blue: int) -> None:
    for channel, lit in (("red", red), ("green", green), ("blue", blue)):
        light.drive(channel, FULL_DUTY * lit)


def test_every_mixture_has_its_name_and_the_mixtures_in_between_are_not_seen() -> None:
    clock = ManualClock()
    light = RgbLight(clock)
    show(light, 1, 1, 1)
    clock.advance(SETTLE_US)
    for mixture, name in COLOURS.items():
        show(light, *mixture)
        clock.advance(SETTLE_US)
        assert light.colour == name
    assert [colour for _, colour in light.history] == ["white", *COLOURS.values()]


def test_a_change_is_dated_when_it_began() -> None:
    clock = ManualClock()
    light = RgbLight(clock)
    seen = []
    light.on_change = lambda at_us, colour: seen.append((at_us, colour))
    clock.advance(1000)
    show(light, 0, 1, 0)
    assert light.colour == "off"
    clock.advance(SETTLE_US)
    assert seen == [(1000, "green")]


def test_a_dimmed_light_is_lit_and_a_glimmer_is_not() -> None:
    clock = ManualClock()
    light = RgbLight(clock)
    light.drive("red", FULL_DUTY // 20)
    light.drive("green", 10)
    clock.advance(SETTLE_US)
    assert light.colour == "red"


def test_released_pins_put_the_light_out_at_once() -> None:
    clock = ManualClock()
    light = RgbLight(clock)
    show(light, 1, 0, 0)
    clock.advance(SETTLE_US)
    light.release()
    assert light.colour == "off"


def test_beeps_are_kept_with_pitch_and_length() -> None:
    clock = ManualClock()
    beeper = Beeper(clock)
    for frequency_hz, length_us in ((2000, 80_000), (1000, 200_000)):
        beeper.drive(frequency_hz, 32768)
        clock.advance(length_us)
    assert beeper.sounding
    beeper.drive(1000, 0)
    clock.advance(5000)
    beeper.release()
    assert list(beeper.beeps) == [Beep(0, 2000, 80_000), Beep(80_000, 1000, 200_000)]


def test_a_press_ends_by_itself_and_a_second_press_prolongs_it() -> None:
    clock = ManualClock()
    button = Button(clock)
    assert button.level() == 1
    button.press(150_000)
    clock.advance(100_000)
    assert button.level() == 0
    button.press(150_000)
    clock.advance(100_000)
    assert button.level() == 0
    clock.advance(50_000)
    assert button.level() == 1
