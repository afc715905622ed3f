"""How the C library allocates memory in processes that take large bodies and files in and live for months."""

import ctypes
import sys
from dataclasses import dataclass
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
# glibc, malloc/malloc.h

_MIB: Final = 1024 * 1024
_ARENAS: Final = 2


@dataclass(frozen=True, slots=True)
class FreedMemory:
    """What goes back to the system: a freed block of so many bytes at once, and what is free at a heap's end above so many.

    What goes back costs when it is asked for again: the system clears each page.
    """

    block_bytes: int
    end_bytes: int


OF_SERVICES: Final = FreedMemory(1 * _MIB, 4 * _MIB)
OF_WORKERS: Final = FreedMemory(32 * _MIB, 64 * _MIB)
"""Computing takes arrays of some MiB again and again: mapping each anew took a third of the time of predictions."""


def return_memory_when_freed(freed: FreedMemory) -> bool:
    """Have large blocks go back to the system as soon as they are freed. Call it once, before any thread is started.

    Left alone, glibc stops mapping blocks one by one as soon as a large one has been freed: up to 32 MiB they then come
    from heaps, one for each of many threads, which shrink only where the last block is free. A process that once had
    sixteen bodies of 16 MiB in hand would keep their memory for good. Whether it could be done: other libraries have other
    ways.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    options = ((_M_MMAP_THRESHOLD, freed.block_bytes), (_M_TRIM_THRESHOLD, freed.end_bytes), (_M_ARENA_MAX, _ARENAS))
    taken = [mallopt(option, value) for option, value in options]
    return all(taken)
