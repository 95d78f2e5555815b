"""The validator's light: three channels, set by the name of a colour.

It must never know what a colour means; it is handed three machine.PWM or machine.Pin objects.
Spec: machine.PWM.duty_u16, machine.Pin.value; ДСТУ EN 301 549: nothing blinks faster than 3 Hz, so nothing here blinks.
"""

FULL = 65535
COLOURS = {
    "off": (0, 0, 0),
    "red": (FULL, 0, 0),
    "green": (0, FULL, 0),
    "blue": (0, 0, FULL),
    "amber": (FULL, FULL * 2 // 5, 0),  # green LEDs look brighter
    "white": (FULL, FULL * 3 // 5, FULL * 3 // 5),
}


class RgbLight:
    """A channel without PWM is on where the colour has any of it."""

    def __init__(self, red, green, blue):
        self._channels = (red, green, blue)
        self.colour = "off"

    def set(self, colour: str):
        """One of COLOURS (KeyError)."""
        levels = COLOURS[colour]
        for index in range(3):
            channel = self._channels[index]
            if hasattr(channel, "duty_u16"):
                channel.duty_u16(levels[index])
            else:
                channel.value(1 if levels[index] else 0)
        self.colour = colour
