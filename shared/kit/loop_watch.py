"""How long the event loop is held up, measured only while it works: an idle process gets no wake-up from it.

While something is done (`with watch`) a timer beats, and how late each beat comes is observed, without the time in which
the thread waited for a processor: what is left is what the process did itself, by computing or by waiting in place.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from prometheus_client import Histogram

HELD_UP: Final = Histogram(
    "touchstone_event_loop_held_up_seconds",
    "How long the event loop was held up between two beats, while it worked.",
    ("service",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

BEAT_S: Final = 0.02
"""A stop of the loop is measured as at most so much shorter than it is."""

_SCHEDULE: Final = (
    "/proc/thread-self/schedstat"  # Linux: nanoseconds on a processor, nanoseconds waiting for one, turns
)


class LoopWatch:
    """Enter it around each piece of work; pieces may overlap, on one event loop."""

    def __init__(self, service: str) -> None:
        self._held_up = HELD_UP.labels(service)
        self._pieces = 0
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._waited = 0.0
        self._schedule: int | None = None

    def __enter__(self) -> None:
        self._pieces += 1
        if self._pieces == 1:
            self._waited = self._waited_s()
            self._wait_for_beat()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pieces -= 1
        if self._pieces == 0 and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            if time.monotonic() > self._due:
                self._observe()

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """Within a piece of work: nothing is done for a while, until something happens elsewhere."""
        self.__exit__(None, None, None)
        try:
            yield
        finally:
            self.__enter__()

    def close(self) -> None:
        if self._schedule is not None:
            os.close(self._schedule)
            self._schedule = None

    def _wait_for_beat(self) -> None:
        self._due = time.monotonic() + BEAT_S
        self._timer = asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    def _beat(self) -> None:
        self._observe()
        self._wait_for_beat()

    def _observe(self) -> None:
        late_s, waited = time.monotonic() - self._due, self._waited_s()
        self._held_up.observe(max(0.0, late_s - (waited - self._waited)))
        self._waited = waited

    def _waited_s(self) -> float:
        """How long this thread has been ready to run without running; 0 where the system does not say so."""
        try:
            if self._schedule is None:
                self._schedule = os.open(_SCHEDULE, os.O_RDONLY)
            return int(os.pread(self._schedule, 64, 0).split()[1]) * 1e-9
        except OSError:
            return 0.0
