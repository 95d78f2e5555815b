"""How every sensor driver says that its sensor did not do its part.

It must never know which sensor it was: who calls a driver knows.
Spec: architecture, "firmware/drivers".
"""


class SensorFault(Exception):
    """Open the sensor again. reason: bus, silent, bad_frames, bad_crc, wrong_chip, refused, not_ready, bad_value."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason
