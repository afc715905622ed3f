"""How many bytes Python holds on to."""

import contextlib
import gc
import tracemalloc
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def held_without_collector() -> Iterator[Callable[[], int]]:
    """What is called for the bytes that are held more than when the block began: what is in a cycle stays held."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield lambda: tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.enable()
