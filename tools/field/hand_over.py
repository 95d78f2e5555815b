"""The hand-over: a node's identity, key and settings from its job onto a board, verified there, then wiped here.

Never shows a key, and never gives a board that has a journal of one node the name of another.
Specification: protocols/job.py; firmware/settings.py; README.md beside this file.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from protocols.job import Job, JobNode, Wiped
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
        raise UsageError("fault_is_another_node", port=board.port, node=identity.node)
    if identity.board != node.board:
        raise UsageError(
            "fault_another_board", node=node.node, board=node.board, port=board.port, found=identity.board or "?"
        )
    try:
        settings = job.settings(node)
    except Wiped:
        raise UsageError("fault_handed_over", name=node.name) from None
    loader = Loader(board)
    loader.open()
    loader.put({str(board.ask(SETTINGS_PATH)): settings_bytes(settings)})


def choose(job: Job, named: str, identity: Identity) -> JobNode:
    """The node of a job for a board: the one that it is, or as named, or the only one. Raises UsageError."""
    wanted = named.lower() or identity.node
    found = [node for node in job.nodes if node.node == wanted] or ([] if wanted else list(job.nodes))
    if len(found) != 1:
        raise UsageError("fault_which_node", job=job.job, count=len(job.nodes))
    return found[0]


def run(path: Path, port: str, named: str, office: Path | None, *, dry_run: bool, as_json: bool, language: str) -> int:
    """Hand one node of a job over to the board at a port; with `dry_run` only say which one. Raises UsageError."""
    job = jobs.load_own(path, office)
    with stopped(port) as board:
        identity = board.identify()
        node = choose(job, named, identity)
        if not dry_run:
            hand_over(board, identity, job, node)
            jobs.wipe(path, office, node)
        board.reset()
    told = {"node": node.node, "kind": node.kind, "port": port}
    key = "hand_over_would" if dry_run else "hand_over_done"
    print(json.dumps(told | {"dry_run": dry_run}) if as_json else say(language, key, name=node.name, **told))
    return DONE
