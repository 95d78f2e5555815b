"""A relay as its own process: started, killed, started again.

Never looks inside the process. Specification: relay.example.toml beside the controller's code.
"""

import asyncio
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from controller.secret_files import write_secret
from protocols.provisioning import NodeEntry
from protocols.wire.topics import node_name

NAME = "cellar"
ROOT = Path(__file__).parents[2]
MAIN = """
import sys
from pathlib import Path
from controller.relay import main
sys.exit(main(Path(sys.argv[1]), lambda key, **values: print(key, *values.values(), flush=True)))
"""


def let_in(config: Path, entries: Sequence[NodeEntry]) -> None:
    """Give the relay a password, and tell the controller of it and its nodes."""
    nodes = [node_name(entry.node) for entry in entries]
    write_secret(config.with_name(f"{NAME}.password"), secrets.token_hex(16) + "\n")
    section = f"[[relay]]\nname = '{NAME}'\npassword_file = '{NAME}.password'\nnodes = {nodes}\n"
    config.write_text(config.read_text(encoding="utf-8") + section, encoding="utf-8")


class Relay:
    """One relay process of one bus; it prints the keys of what it tells people."""

    def __init__(self, folder: Path, mqtt_port: int, bus: str) -> None:
        self._config = folder / "relay.toml"
        mqtt = f"[mqtt]\nport = {mqtt_port}\nusername = '{NAME}'\npassword_file = '{NAME}.password'\n"
        self._config.write_text(f"{mqtt}[[bus]]\nname = 'test'\n{bus}\n", encoding="utf-8")
        self._output = folder / "relay.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, without waiting."""
        with self._output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", MAIN, str(self._config), cwd=ROOT, stdout=output, stderr=output
            )

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal; its exit status."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(15):
            return await self._process.wait()

    def words(self) -> str:
        """What it said."""
        return self._output.read_text(encoding="utf-8")

    async def __aenter__(self) -> "Relay":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end(signal.SIGKILL)
