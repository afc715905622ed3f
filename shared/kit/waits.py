"""How many requests of a caller wait for what is yet to happen: each asks the database again and again."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shared.kit.problems import Problem

MOST_OF_SUBJECT: Final = 32
"""In a process."""


class Waits:
    """The requests that wait now, by the subject of their tokens."""

    def __init__(self, most: int = MOST_OF_SUBJECT) -> None:
        self._most = most
        self._waiting: Counter[str] = Counter()

    def check(self, subject: str) -> None:
        """Raises the 429 problem when the subject has as many as it may have."""
        if self._waiting.get(subject, 0) >= self._most:
            raise Problem(
                429,
                "too-many-waiting",
                "Too many requests wait.",
                f"At most {self._most} requests of a subject wait for events or the progress of jobs at a time.",
                headers={"Retry-After": "1"},
            )

    @contextmanager
    def count(self, subject: str) -> Iterator[None]:
        """Count one more while the block runs."""
        self._waiting[subject] += 1
        try:
            yield
        finally:
            self._waiting[subject] -= 1
            if not self._waiting[subject]:
                del self._waiting[subject]

    @contextmanager
    def hold(self, subject: str) -> Iterator[None]:
        """Both; raises what `check` does."""
        self.check(subject)
        with self.count(subject):
            yield
