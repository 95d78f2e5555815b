"""The hand-over: a node's identity, key and settings from its job onto a board, verified there, then wiped here.

Never shows a key, and never gives a board that has a journal of one node the name of another.
Specification: protocols/job.py; firmware/settings.py; README.md beside this file.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from protocols.job import Job, JobError, JobNode, Wiped
from tools.errors import DONE, UsageError
from tools.field import jobs
from tools.field.board import Board, Identity, stopped
from tools.field.loader import Loader
from tools.texts import say

SETTINGS_PATH = 'import json\nfrom firmware.boot import board\nprint(json.dumps(board("hal").settings_path()))'


def settings_bytes(settings: Mapping[str, Any]) -> bytes:
    """The file as it stands on a board."""
    return (json.dumps(settings, ensure_ascii=False, indent=1) + "\n").encode()


def has_it(identity: Identity, job: Job, node: JobNode) -> bool:
    """Whether the board has this node's settings, to the byte as far as that can still be told."""
    if identity.node != node.node:
        return False
    try:
        return identity.settings == sha256(settings_bytes(job.settings(node))).hexdigest()
    except Wiped:
        return True  # they were wiped when they had been verified


def hand_over(board: Board, identity: Identity, job: Job, node: JobNode) -> None:
    """Write and verify, if they are not there. Raises UsageError."""
    if has_it(identity, job, node):
        return
    if identity.node and identity.node != node.node:
        raise UsageError(
            f"the board at {board.port} is node {identity.node}: save its journal with vuzol drain {board.port}, then "
            "take another board, or erase this one"
        )
    if identity.board != node.board:
        raise UsageError(
            f"node {node.node} is for a {node.board}, at {board.port} is {identity.board or 'another board'}"
        )
    try:
        settings = job.settings(node)
    except JobError as wiped:
        raise UsageError(f"{node.name}: {wiped}") from None
    loader = Loader(board)
    loader.open()
    loader.put({str(board.ask(SETTINGS_PATH)): settings_bytes(settings)})


def choose(job: Job, named: str, identity: Identity) -> JobNode:
    """The node of a job for a board: the one that it is, or as named, or the only one. Raises UsageError."""
    wanted = named.lower() or identity.node
    found = [node for node in job.nodes if node.node == wanted] or ([] if wanted else list(job.nodes))
    if len(found) != 1:
        raise UsageError(f"job {job.job} has {len(job.nodes)} nodes: name one of them with --node, see vuzol job show")
    return found[0]


def run(path: Path, port: str, named: str, office: Path | None, *, as_json: bool, language: str) -> int:
    """Hand one node of a job over to the board at a port. Raises UsageError."""
    job = jobs.load(path, office)
    with stopped(port) as board:
        identity = board.identify()
        node = choose(job, named, identity)
        hand_over(board, identity, job, node)
        jobs.wipe(path, office, node)
        board.reset()
    told = {"node": node.node, "kind": node.kind, "port": port}
    print(json.dumps(told) if as_json else say(language, "hand_over_done", name=node.name, **told))
    return DONE
