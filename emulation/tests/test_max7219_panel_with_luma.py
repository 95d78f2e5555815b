"""luma.led_matrix, which nobody here wrote, is the independent client of our panel model.

It must never be adapted to the model: when it fails, the model is wrong.
Specification: luma.led_matrix 1.9.0, device max7219, modules turned by 90 degrees.
"""

import random
from collections.abc import Sequence

import pytest
from PIL import Image

from emulation.peripherals.max7219_panel import Max7219Panel

device = pytest.importorskip(
    "luma.led_matrix.device", reason="luma.led_matrix 1.9.0 is missing: the panel has no independent client"
)


class Wire:
    """luma's serial interface on the model: one burst a call."""

    def __init__(self, panel: Max7219Panel) -> None:
        self._panel = panel

    def command(self, *data: int) -> None:
        self.data(data)

    def data(self, data: Sequence[int]) -> None:
        self._panel.select(True)
        self._panel.exchange(bytes(data))
        self._panel.select(False)

    def cleanup(self) -> None:
        pass


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # luma asks Pillow in an old way
@pytest.mark.parametrize(("width", "height"), [(64, 32), (128, 64), (384, 64)])
def test_what_luma_draws_is_what_the_panel_shows(width: int, height: int) -> None:
    panel = Max7219Panel(width, height)
    client = device.max7219(Wire(panel), width=width, height=height, block_orientation=90)
    draw = random.Random(width)
    image = Image.frombytes("1", (width, height), draw.randbytes(width * height // 8))
    client.display(image)
    assert panel.packed() == image.tobytes()
    client.hide()
    assert not any(panel.packed())
    client.show()
    assert panel.packed() == image.tobytes()
    client.contrast(0xF0)
    assert panel.intensity() == 15
