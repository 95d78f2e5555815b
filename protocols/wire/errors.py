"""The two ways a frame can be wrong, named by the guilty side.

Never raised for the state of the world (a lost link, a full flash): that is the caller's.
Specification: protocols/README.md, "Errors".
"""


class MalformedFrame(Exception):
    """The peer sent bytes that cannot be believed or understood.

    `reason` is a counter's name: malformed, oversize, unknown_version, wrong_mac, unknown_node, stale_boot_id.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason + (": " + detail if detail else ""))
        self.reason = reason
        self.detail = detail


class EncodeError(Exception):
    """We were asked to put on the wire what its field cannot hold."""
