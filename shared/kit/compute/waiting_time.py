"""How long calls waited for a worker process, for who shares out time by what is computed and not by what is waited."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class WaitingTime:
    """Seconds that the calls in a block waited until a worker began."""

    seconds: float = 0.0


_waiting: ContextVar[WaitingTime | None] = ContextVar("compute_waiting", default=None)


@contextmanager
def waiting_time() -> Iterator[WaitingTime]:
    """Sum up what the calls of this task wait inside."""
    waited = WaitingTime()
    token = _waiting.set(waited)
    try:
        yield waited
    finally:
        _waiting.reset(token)


def note_wait(seconds: float) -> None:
    """A call of this task waited so long."""
    waited = _waiting.get()
    if waited is not None:
        waited.seconds += seconds
