"""A child that cannot outlive its parent, and one whose addresses are the same at each start: prefixes for its command.
It must never know what is started.
Specification: prctl(2), PR_SET_PDEATHSIG; personality(2), ADDR_NO_RANDOMIZE; setpriv(1), setarch(8) of util-linux.
"""

import functools
import shutil
import subprocess
from collections.abc import Sequence


def bound_to_parent(command: Sequence[str]) -> list[str]:
    """The command, made to be killed by the kernel when the thread that starts it is gone, kill -9 included.

    A prefix and no preexec_fn: Python must not run between fork and exec in a process that has threads.
    Without setpriv the command is left as it is; a node then ends at its next use of the bus.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else list(command)


def at_fixed_addresses(command: Sequence[str]) -> list[str]:
    """The command without address randomisation: MicroPython's collector takes any word on the stack that looks like an
    address for one, so its heap figure, which the journal keeps, would change from one equal life to the next.

    Where the kernel or a container forbids it, the command is left as it is.
    """
    return [*_fixed(), *command]


@functools.cache
def _fixed() -> tuple[str, ...]:
    setarch = shutil.which("setarch")
    if setarch is None:
        return ()
    prefix = (setarch, "--addr-no-randomize")
    allowed = subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    return prefix if allowed else ()
