"""The host at the other end of the chip's USB: what the REPL prints, and keys typed into it.
It must never know what is typed. It corrects rp2040py, whose host answers an idle OUT endpoint for ever with nothing,
which costs twenty-five times the speed: here the endpoint stays armed until there is something to type.
Specification: USB CDC PSTN 1.2; USB 2.0, section 8.5.2 (a host that has no data sends none).
"""

from collections.abc import Callable

from rp2040py.peripherals.usb import RPUSBController
from rp2040py.usb.cdc import USBCDC

CONTROL_ENDPOINT = 0


class UsbConsole(USBCDC):
    def __init__(self, usb: RPUSBController, on_printed: Callable[[bytes], None]) -> None:
        super().__init__(usb)
        self._typed = bytearray()
        self._armed_bytes: int | None = None
        self._control_read = usb.on_endpoint_read
        usb.on_endpoint_read = self._endpoint_armed
        self.on_serial_data = lambda data: on_printed(bytes(data))

    def type(self, data: bytes) -> None:
        self._typed += data
        self._deliver()

    def _endpoint_armed(self, endpoint: int, size: int) -> None:
        if endpoint == CONTROL_ENDPOINT or endpoint != self._out_endpoint:
            if self._control_read is not None:
                self._control_read(endpoint, size)
            return
        self._armed_bytes = size
        self._deliver()

    def _deliver(self) -> None:
        if self._armed_bytes is None or not self._typed:
            return
        piece = bytes(self._typed[: self._armed_bytes])
        del self._typed[: len(piece)]
        self._armed_bytes = None
        self.usb.endpoint_read_done(self._out_endpoint, piece)

    def _on_controller_reset(self) -> None:
        self._armed_bytes = None
        self._typed.clear()
        super()._on_controller_reset()
