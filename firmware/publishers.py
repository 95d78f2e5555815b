"""Whose signatures a node believes: the public keys of its settings, less those that were revoked.

Never holds a private key, and never hurries: a check is done in short steps. Never keeps what it has judged.
Specification: protocols/wire/ed25519.py; protocols/WIRE.md, "Documents".
"""

from protocols.wire.messages import document


class Publishers:
    """`keys` and `revoked` are public keys of 32 bytes each."""

    def __init__(self, keys, revoked):
        self._keys = [key for key in keys if key not in revoked]
        self._revoked = revoked

    def __bool__(self):
        return bool(self._keys or self._revoked)

    def judge(self, message, signature):
        """Steps: None while it goes on, in the end a reason of the record `document`, REASON_NONE when it is right."""
        from protocols.wire.ed25519 import verify  # only now: most starts of a node need none of it

        for keys, verdict in ((self._keys, document.REASON_NONE), (self._revoked, document.REASON_REVOKED)):
            for key in keys:
                for is_right in verify(key, message, signature):
                    if is_right:
                        yield verdict
                        return
                    yield None
        yield document.REASON_WRONG_SIGNATURE
