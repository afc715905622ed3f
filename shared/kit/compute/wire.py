"""How calls and results cross between the service and a worker: length-prefixed pickles.

The service's calls are trusted by the worker. A confined worker is not trusted by the service: what it sends is plain
data and arrays of numbers, read by an unpickler that imports nothing else.
"""

import importlib
import io
import pickle
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, cast
from uuid import UUID

HEADER: Final = struct.Struct("!Q")
MOST_RESULT_BYTES: Final = 512 * 1024 * 1024
"""A longer result is not read."""

_PROTOCOL: Final = 5
_MODULE: Final = __name__
_PLAIN_KINDS: Final = frozenset("biufSU")

Outcome = Literal["done", "raised", "memory", "too_large"]


@dataclass(frozen=True, slots=True)
class Call:
    """A function by its name, its arguments, and what it may take: CPU seconds and bytes beyond an idle worker's."""

    module: str
    name: str
    arguments: tuple[Any, ...]
    cpu_s: float
    memory_bytes: int

    def frame(self) -> bytes:
        buffer = _open_frame()
        pickler = pickle.Pickler(buffer, _PROTOCOL)
        pickler.dispatch_table = _drivers_kinds()
        pickler.dump((self.module, self.name, self.arguments, self.cpu_s, self.memory_bytes))
        return _closed(buffer)

    @classmethod
    def read(cls, data: bytes | bytearray) -> "Call":
        return cls(*pickle.loads(data))  # noqa: S301  the service wrote it


@cache
def _drivers_kinds() -> dict[type, Callable[[Any], Any]]:
    """How to write what the database's driver makes, which workers don't import."""
    driver = sys.modules.get("asyncpg.pgproto.pgproto")
    return {} if driver is None else {driver.UUID: _plain_id}


def _plain_id(value: UUID) -> tuple[type[UUID], tuple[str]]:
    return UUID, (str(value),)


def _open_frame() -> io.BytesIO:
    """Where a frame is written, after its header: what is large is not copied to be put behind one."""
    buffer = io.BytesIO()
    buffer.write(bytes(HEADER.size))
    return buffer


def _closed(buffer: io.BytesIO) -> bytes:
    with buffer.getbuffer() as view:
        HEADER.pack_into(view, 0, len(view) - HEADER.size)
    return buffer.getvalue()


@cache
def function(module: str, name: str) -> Callable[..., Any]:
    return cast("Callable[..., Any]", getattr(importlib.import_module(module), name))


def result(outcome: Outcome, value: Any, *, plain: bool) -> bytes:
    """The frame of a worker's answer; `plain` for a confined worker. Raises what pickling raises."""
    buffer = _open_frame()
    pickler = _PlainPickler(buffer, _PROTOCOL) if plain else pickle.Pickler(buffer, _PROTOCOL)
    pickler.dump((outcome, value))
    if buffer.tell() > HEADER.size + MOST_RESULT_BYTES:
        return result("too_large", None, plain=plain)
    return _closed(buffer)


def read_result(data: bytes | bytearray, *, plain: bool) -> tuple[Outcome, Any]:
    """Raises UnpicklingError and whatever else broken data make an unpickler raise."""
    found = _PlainUnpickler(io.BytesIO(data)).load() if plain else pickle.loads(data)  # noqa: S301  see the module
    outcome, value = found
    return outcome, value


def array(kind: str, shape: tuple[int, ...], data: bytes) -> Any:
    """An array of numbers or short strings from its bytes."""
    import numpy as np  # only services that compute have it

    dtype = np.dtype(kind)
    if dtype.kind not in _PLAIN_KINDS:
        raise pickle.UnpicklingError("an array of something else than numbers")
    return np.frombuffer(bytearray(data), dtype=dtype).reshape(shape)


class _PlainPickler(pickle.Pickler):
    """Writes arrays of numbers so that the plain unpickler can read them."""

    def reducer_override(self, value: Any) -> Any:
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, numpy.ndarray) and value.dtype.kind in _PLAIN_KINDS:
            return array, (value.dtype.str, value.shape, value.tobytes())
        return NotImplemented


class _PlainUnpickler(pickle.Unpickler):
    """Reads plain data and `array`; everything else is refused before it is imported."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (_MODULE, "array"):
            return array
        raise pickle.UnpicklingError("a result that is not plain data")
