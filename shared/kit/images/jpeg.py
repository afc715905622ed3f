"""JPEG files (ITU-T T.81, annex B) by their segments: the picture apart from everything that came beside it."""

import re
from collections.abc import Iterator
from typing import Final

from shared.kit.images.container import Container, broken_off, damaged

SIGNATURE: Final = b"\xff\xd8\xff"

_SOI, _EOI, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_PICTURE: Final = {*range(0xC0, 0xD0), _SOS, 0xDB, 0xDC, 0xDD} - {0xC8}
"""Frames, scans, their tables and intervals."""

_FRAMES: Final = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_ALONE: Final = {_TEM, *range(0xD0, 0xD8), _SOI}
"""Markers without a segment."""

_JFIF: Final = b"JFIF\0"
_JFIF_BYTES: Final = 14
_ADOBE: Final = b"Adobe"
_ADOBE_BYTES: Final = 12
_EXIF: Final = b"Exif\0\0"
_ICC: Final = b"ICC_PROFILE\0"
_MARKER: Final = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
_END_OF_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)


def read(data: bytes) -> Container:
    """Split off the first picture of a file.

    Raises:
        UnreadableImage: the file ends before the picture does, or its segments can't be told apart.
    """
    found = Container("JPEG", b"")
    kept: list[bytes] = [data[:2]]
    profiles: list[bytes] = []
    rest = b""
    for marker, body, end in _segments(data):
        if marker == _EOI:
            rest = data[end:]
        elif marker in _PICTURE:
            kept.append(_segment(marker, body))
        else:
            _beside(found, marker, body, kept, profiles)
        if marker == _SOS:
            kept.append(data[end : _end_of_scan(data, end)])
    kept.append(b"\xff\xd9")
    found.plain = b"".join(kept)
    found.frames = rest.lstrip(b"\0").startswith(SIGNATURE)
    found.metadata = found.metadata or bool(rest)
    if profiles:
        found.profile = _joined(profiles)
        found.profile_broken = found.profile is None
    return found


def size(data: bytes) -> tuple[int, int]:
    """Width and height, from the header of the first frame.

    Raises:
        UnreadableImage: the file ends before them, or has none.
    """
    for marker, body, _ in _segments(data):
        if marker in _FRAMES:
            return int.from_bytes(body[3:5]), int.from_bytes(body[1:3])
        if marker == _SOS:
            break
    raise damaged()


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, content and end of each segment to the end of the first picture, which is the last one."""
    marker, place = _SOI, 2
    while marker != _EOI:
        place = _next_marker(data, place)
        marker = data[place + 1]
        place += 2
        if marker == _EOI:
            yield marker, b"", place
        elif marker not in _ALONE:
            length = int.from_bytes(data[place : place + 2])
            if place + max(length, 2) > len(data):
                raise broken_off()
            if length < 2:  # noqa: PLR2004  the length counts itself
                raise damaged()
            yield marker, data[place + 2 : place + length], place + length
            place += length
            if marker == _SOS:
                place = _end_of_scan(data, place)


def _next_marker(data: bytes, place: int) -> int:
    found = _MARKER.search(data, place)
    if found is None:
        raise broken_off()
    return found.start()


def _end_of_scan(data: bytes, place: int) -> int:
    found = _END_OF_SCAN.search(data, place)
    return len(data) if found is None else found.start()


def _beside(found: Container, marker: int, body: bytes, kept: list[bytes], profiles: list[bytes]) -> None:
    """Note a segment that is no part of the picture; keep what a decoder needs to know of its colours."""
    needed = b""
    if marker == _APP0 and body.startswith(_JFIF) and len(body) >= _JFIF_BYTES:
        needed = body[: _JFIF_BYTES - 2] + b"\0\0"  # without its thumbnail
    elif marker == _APP14 and body.startswith(_ADOBE) and len(body) >= _ADOBE_BYTES:
        needed = body[:_ADOBE_BYTES]
    elif marker == _APP1 and body.startswith(_EXIF) and found.exif is None:
        found.exif = body
    elif marker == _APP2 and body.startswith(_ICC):
        profiles.append(body[len(_ICC) :])
    if needed:
        kept.append(_segment(marker, needed))
    found.metadata = found.metadata or needed != body


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body


def _joined(parts: list[bytes]) -> bytes | None:
    """The profile of its parts (ICC.1:2022, annex B.4): each has its number from 1, and how many there are."""
    ordered = sorted(parts, key=lambda part: part[:1])
    if any(part[:2] != bytes((number, len(parts))) for number, part in enumerate(ordered[:255], start=1)):
        return None
    return b"".join(part[2:] for part in ordered)
