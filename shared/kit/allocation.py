"""How the C library allocates memory in processes that take large bodies and files in and live for months."""

import ctypes
import sys
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
# glibc, malloc/malloc.h

_MIB: Final = 1024 * 1024
_MAPPED_FROM: Final = 1 * _MIB
_TRIMMED_FROM: Final = 4 * _MIB
_ARENAS: Final = 2


def return_memory_when_freed() -> bool:
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
    options = ((_M_MMAP_THRESHOLD, _MAPPED_FROM), (_M_TRIM_THRESHOLD, _TRIMMED_FROM), (_M_ARENA_MAX, _ARENAS))
    taken = [mallopt(option, value) for option, value in options]
    return all(taken)
