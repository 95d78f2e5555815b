"""What a command cannot do, said in one sentence that tells the person what to do next.

Never carries a traceback to a person.
Specification: README.md, "Exit status": 0 done, 1 the answer is "no", 2 wrong use or something missing.
"""

from tools.texts import catalogue, say

DONE, NO, WRONG_USE = 0, 1, 2


class UsageError(Exception):
    """Wrong use or something missing; ends a command with status 2.

    `told` says what to do: a key of the catalogues with what its text names, or, where no technician comes, a sentence.
    """

    def __init__(self, told: str, /, **named: object) -> None:
        super().__init__(told)
        self._told, self._named = told, named

    def text(self, language: str) -> str:
        """The sentence in a person's language."""
        return say(language, self._told, **self._named) if self._told in catalogue(language) else self._told

    def __str__(self) -> str:
        return self.text("en")
