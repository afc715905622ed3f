"""Who waits in this process for training runs to end."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

TRAINING_ENDED: Final = "training-ended"
"""What replicas wake each other by when an attempt at a training run has ended."""


class TrainingEnds:
    """Wakes all that wait, whichever run it was: each looks whether it was its own."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def note(self) -> None:
        """An attempt has ended, here or on another replica."""
        for woken in self._waiting:
            woken.set()

    @contextmanager
    def watch(self) -> Iterator[asyncio.Event]:
        """An event that is set by every end that is noted while the block runs."""
        woken = asyncio.Event()
        self._waiting.add(woken)
        try:
            yield woken
        finally:
            self._waiting.discard(woken)
