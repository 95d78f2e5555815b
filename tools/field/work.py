"""What is known of a job's progress: beside the job file, a folder with its state, labels and records.

Never holds a secret, and is written whole or not at all: who is killed at any byte goes on with the same command.
Specification: README.md beside this file, "Stopped and run again".
"""

import fcntl
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from protocols.job import Job, JobNode
from tools.errors import UsageError
from tools.field.board import Identity
from tools.provision import write_secret

STATE_FILE = "state.json"


class Work:
    """`taken` says which board got which node: by its unique number, or by its port where it has none."""

    def __init__(self, job_file: Path) -> None:
        self.folder = job_file.with_name(job_file.name + ".work")
        self._lock = threading.Lock()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One program at a time works at a job. Raises UsageError."""
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            lock = (self.folder / "lock").open("w")
        except OSError as error:
            raise UsageError("fault_unwritable", file=error.filename, why=error.strerror) from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError("fault_job_busy", folder=self.folder) from None
            yield

    def node_for(self, job: Job, identity: Identity, port: str, named: str = "") -> JobNode:
        """The node that a board is, as named, was given before, or gets now. Raises UsageError when none is left."""
        with self._lock:
            taken: dict[str, str] = self.read().get("taken", {})
            board = identity.uid or port
            wanted = identity.node or named or taken.get(board, "")
            fits = [node for node in job.nodes if node.board == identity.board]
            for node in fits:
                if node.node == wanted or (not wanted and node.node not in taken.values()):
                    self._write({"taken": taken | {board: node.node}})
                    return node
        if named and not identity.node:
            raise UsageError("fault_named_node", node=named, board=identity.board)
        if identity.node:
            raise UsageError("fault_not_in_job", port=port, node=identity.node)
        raise UsageError("fault_none_left", board=identity.board or identity.machine)

    def note(self, node: str, **told: Any) -> dict[str, Any]:
        """Add to what is known of a node; all of it."""
        with self._lock:
            nodes = self.read().get("nodes", {})
            nodes[node] = nodes.get(node, {}) | told
            self._write({"nodes": nodes})
            return dict(nodes[node])

    def of(self, node: str) -> dict[str, Any]:
        return dict(self.read().get("nodes", {}).get(node, {}))

    def read(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / STATE_FILE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise UsageError("fault_state", file=self.folder / STATE_FILE) from None

    def _write(self, changed: dict[str, Any]) -> None:
        write_secret(self.folder / STATE_FILE, json.dumps(self.read() | changed, ensure_ascii=False, indent=1) + "\n")
