"""What is not done, in one sentence for people. Knows nothing but a sentence and HTTP's word for it."""


class Refused(Exception):
    """`status` is HTTP's, the text says why and what to do."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
