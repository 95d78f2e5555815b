"""What a command cannot do, said in one sentence that tells the person what to do next.

Never carries a traceback to a person.
Specification: README.md, "Exit status": 0 done, 1 the answer is "no", 2 wrong use or something missing.
"""

DONE, NO, WRONG_USE = 0, 1, 2


class UsageError(Exception):
    """Wrong use or something missing; the text says what to do. Ends a command with status 2."""
