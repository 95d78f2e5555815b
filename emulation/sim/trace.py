"""What happened in a simulation, as one hash: every chunk on every way, every record stored, with its time.
It must never hold what it is told.
Specification: equal seeds give equal hashes; heap figures, which depend on the VM's version, are left out.
"""

import hashlib


class Trace:
    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.lines = 0

    def note(self, at_us: int, *what: object) -> None:
        self._digest.update(f"{at_us} {' '.join(map(str, what))}\n".encode())
        self.lines += 1

    @property
    def hash(self) -> str:
        return self._digest.hexdigest()
