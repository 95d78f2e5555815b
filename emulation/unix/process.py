"""A child that cannot outlive its parent: a prefix for its command.
It must never know what is started.
Specification: prctl(2), PR_SET_PDEATHSIG; util-linux setpriv(1), which every Debian has.
"""

import shutil
from collections.abc import Sequence


def bound_to_parent(command: Sequence[str]) -> list[str]:
    """The command, made to be killed by the kernel when the thread that starts it is gone, kill -9 included.

    A prefix and no preexec_fn: Python must not run between fork and exec in a process that has threads.
    Without setpriv the command is left as it is; a node then ends at its next use of the bus.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else list(command)
