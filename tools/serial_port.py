"""A serial port of this machine, for one program at a time; or why it cannot be had.

Never knows what hangs on it. Specification: pyserial; termios(3), flock(2).
"""

import errno

import serial

from tools.errors import UsageError

PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
CAUSES = {errno.ENOENT: "absent", errno.EACCES: "forbidden", errno.EAGAIN: "taken", errno.EBUSY: "taken"}


def open_port(port: str, baud: int, timeout_s: float, parity: str = "none") -> serial.Serial:
    """`parity` is none, even or odd. Raises UsageError."""
    try:
        return serial.serial_for_url(port, baud, timeout=timeout_s, parity=PARITIES[parity], exclusive=True)
    except (OSError, ValueError) as error:
        cause = CAUSES.get(getattr(error, "errno", None) or 0, "wrong")
        raise UsageError(f"fault_port_{cause}", port=port) from None
