"""The other end of a node's RS-485 pair: an adapter that asks until the node under test gives the question back.

Never knows why a node does not answer.
Specification: firmware/selftest/line.py.
"""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tools.serial_port import open_port

ASK_EACH_S = 0.1
LAST_WORD_S = 0.5
ANSWER_BYTES = 18


@contextmanager
def questions_on(port: str, baud: int, parity: str) -> Iterator[Callable[[], bool]]:
    """Ask on and on; what it gives tells whether the answer has come, waiting a moment for it. Raises UsageError."""
    line = open_port(port, baud, ASK_EACH_S, parity)
    digits = secrets.token_hex(8).encode()
    answered, over = threading.Event(), threading.Event()

    def talk() -> None:
        heard = b""
        while not over.is_set() and not answered.is_set():
            line.write(b"?" + digits + b"\n")
            heard = (heard + line.read(ANSWER_BYTES))[-128:]
            if b"!" + digits + b"\n" in heard:
                answered.set()

    thread = threading.Thread(target=talk, name="vuzol-line", daemon=True)
    with line:
        thread.start()
        try:
            yield lambda: answered.wait(LAST_WORD_S)
        finally:
            over.set()
            thread.join()
