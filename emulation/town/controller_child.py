"""The controller as a child process: started, asked over HTTP, started again when it dies, stopped.

Never imports the controller: the town knows it as everybody does, by its command and its HTTP API.
Specification: controller/README.md.
"""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

import httpx

from emulation.unix.process import bound_to_parent

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
RESTART_PAUSE_S = 0.2


class ControllerFailed(Exception):
    """The controller did not come up; the text is its own last words."""


class ControllerChild:
    """One controller process on a fixed HTTP port."""

    def __init__(self, config: Path, port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.restarts = 0
        self._config = config
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._client = httpx.AsyncClient(base_url=self.url, timeout=5.0, trust_env=False)

    async def start(self) -> None:
        """Start it and wait until it answers. Raises ControllerFailed."""
        await self._spawn()
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await self._healthy():
                if self._process is not None and self._process.returncode is not None:
                    raise ControllerFailed(self._last_words())
                await asyncio.sleep(0.1)

    async def keep_running(self) -> None:
        """Start it again whenever it dies; runs until cancelled."""
        while True:
            assert self._process is not None, "start() comes first"
            await self._process.wait()
            self.restarts += 1
            await asyncio.sleep(RESTART_PAUSE_S)
            await self._spawn()

    async def stop(self) -> None:
        """Ask it to end; it closes its database and its broker."""
        await self._client.aclose()
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON answer to a GET, None while the controller is away."""
        try:
            answer = await self._client.get(path, params=parameters)
            answer.raise_for_status()
        except httpx.HTTPError:
            return None
        return answer.json()

    async def post(self, path: str, body: Any) -> bool:
        """Whether it took that; not while it is away."""
        with contextlib.suppress(httpx.HTTPError):
            return (await self._client.post(path, json=body)).is_success
        return False

    async def _healthy(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return (await self._client.get("/healthz")).is_success
        return False

    async def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *bound_to_parent([sys.executable, "-m", "tools.cli", "run", "--config", str(self._config)]),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is the town's to handle: it stops the controller in order
            )

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "the controller ended without a word"
