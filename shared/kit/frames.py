"""Events put together into one value, compressed: what they share, which is most of an envelope, is kept once.

A frame is, compressed: the number of events (uint32, little-endian as all of them), the length of each envelope, the
length of the headers of each, their keys of 16 bytes, the envelopes and the headers.
"""

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from shared.kit.compression import compress, decompress

_KEY_BYTES: Final = 16
_COUNT: Final = struct.Struct("<I")


class FramedEvent(NamedTuple):
    """An event in a frame: `key` has 16 bytes, `headers` is a JSON object of strings."""

    key: bytes
    envelope: bytes
    headers: str | None = None


def pack(events: Sequence[FramedEvent]) -> bytes:
    """The frame of these events."""
    headers = [(event.headers or "").encode() for event in events]
    lengths = [len(event.envelope) for event in events]
    body = b"".join(
        [
            struct.pack(f"<{1 + 2 * len(events)}I", len(events), *lengths, *map(len, headers)),
            *[event.key for event in events],
            *[event.envelope for event in events],
            *headers,
        ]
    )
    return compress(body)


def unpack(frame: bytes) -> list[FramedEvent]:
    """The events of a frame, in their order."""
    body = decompress(frame)
    (count,) = _COUNT.unpack_from(body)
    sizes = struct.unpack_from(f"<{2 * count}I", body, _COUNT.size)
    key = _COUNT.size * (1 + 2 * count)
    envelope = key + _KEY_BYTES * count
    header = envelope + sum(sizes[:count])
    events = []
    for length, header_length in zip(sizes[:count], sizes[count:], strict=True):
        events.append(
            FramedEvent(
                body[key : key + _KEY_BYTES],
                body[envelope : envelope + length],
                body[header : header + header_length].decode() if header_length else None,
            )
        )
        key += _KEY_BYTES
        envelope += length
        header += header_length
    return events
