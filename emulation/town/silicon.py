"""The town's nodes on emulated silicon: microcontrollers on one RS-485 bus, behind a real relay.

Never opens an envelope: the relay carries them, and the controller cannot tell these nodes from the others.
Specification: emulation/rp2040/README.md; emulation/rs485.py; controller/relay.example.toml.
"""

import subprocess
import sys
from pathlib import Path
from types import TracebackType

from emulation.launch import NodeHandle, start
from emulation.rs485 import LiveBus
from emulation.town.nodes import TownNode
from emulation.town.plan import TownError
from emulation.unix.process import bound_to_parent

BOARD = "rpi_pico"
RELAY_CONFIG = "relay.toml"
RELAY_LOG = "relay.log"
RELAY = "silicon"  # its name at the broker
RELAY_PASSWORD = "relay.password"
LINE = "rs485"  # in the town's folder: where the relay finds its serial port
BAUD = 115_200
TIMEOUT_S = 2.0  # an emulated chip may be slower than a real one
STOP_TIMEOUT_S = 10.0


def check_possible() -> None:
    """Raises TownError: what is missing, and what to type."""
    try:
        from emulation.rp2040 import image  # its emulator is a package that a town does not need otherwise

        image.find_image()
    except ImportError as missing:
        raise TownError(
            f"--silicon needs the package {missing.name}, which the tests install: type make setup"
        ) from None
    except image.ImageMissing as missing:
        raise TownError(f"--silicon: {missing}") from None


def relay_config(folder: Path, site: str, mqtt_port: int, units: list[int]) -> str:
    return (
        f'[site]\nname = "{site}"\n[mqtt]\nport = {mqtt_port}\nusername = "{RELAY}"\n'
        f'password_file = "{RELAY_PASSWORD}"\n'
        f'[[bus]]\nname = "silicon"\ntransport = "rtu"\naddress = "{folder / LINE}"\nbaud = {BAUD}\n'
        f"timeout_s = {TIMEOUT_S}\npoll_s = 0.2\nnodes = {units}\n"
    )


class SiliconBus:
    """The bus and its relay, from `with` to its end; the folder holds the relay's configuration."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bus = LiveBus(BAUD)
        self._relay: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "SiliconBus":
        (self._folder / LINE).symlink_to(self._bus.terminal("relay"))
        command = [sys.executable, "-m", "tools.cli", "relay", "--config", str(self._folder / RELAY_CONFIG)]
        with (self._folder / RELAY_LOG).open("ab") as log:
            self._relay = subprocess.Popen(
                bound_to_parent(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._relay is not None:
            self._relay.terminate()
            try:
                self._relay.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._relay.kill()
                self._relay.wait()
        self._bus.__exit__(kind, error, trace)

    def start(self, node: TownNode) -> NodeHandle:
        """Power on, join the bus, and let the chip follow the real clock as far as this machine can."""
        handle = start(BOARD, node.kind, node.settings, node.folder)
        handle.connect_uplink(self._bus.line(node.name))
        handle.keep_pace()
        return handle
