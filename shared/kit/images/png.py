"""PNG files (W3C PNG, third edition) by their chunks: the pixels apart from everything that came beside them."""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.kit.images import profiles
from shared.kit.images.container import Container, broken_off, damaged
from shared.kit.images.exceptions import UnreadableProfile

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

_HEADER: Final = struct.Struct(">IIBBBBB")
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By colour type."""

_GREY_TYPES: Final = {0, 4}
_PALETTE: Final = 3
_PALETTE_BYTES: Final = 768
_TRANSPARENCY_BYTES: Final = {0: 2, 2: 6, _PALETTE: 256}
_DEEP: Final = 16
_ADAM7: Final = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
"""Of each pass, the first column and the step to the next, and likewise of its rows."""

_CHECKED: Final = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
"""The chunks whose checksum has to be right: those that are kept."""

_ONLY_PIXELS: Final = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_FRAMES: Final = {b"acTL", b"fcTL", b"fdAT"}
_TRAILER: Final = b"behind IEND"
_PIECE: Final = 256 * 1024
_MOST_PROFILE_BYTES: Final = 16 * 1024 * 1024
_CODE_POINTS_SRGB: Final = b"\x01\x0d\x00\x01"


@dataclass(slots=True)
class _Chunks:
    """The first chunk of each type, and the compressed pixels."""

    first: dict[bytes, bytes] = field(default_factory=dict)
    pixels: list[bytes] = field(default_factory=list)
    ended: bool = False


def size(data: bytes) -> tuple[int, int]:
    """Width and height, from the header alone.

    Raises:
        UnreadableImage: the file ends before them.
    """
    if len(data) < len(SIGNATURE) + 16:
        raise broken_off()
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def read(data: bytes) -> Container:
    """Split off the pixels of the image that a viewer without animation shows. Inflates them once, to see that all are there.

    Raises:
        UnreadableImage: they are not.
    """
    chunks = _read_chunks(data)
    header = chunks.first.get(b"IHDR", b"")
    if not chunks.ended:
        raise broken_off()
    if len(header) != _HEADER.size:
        raise damaged()
    width, height, depth, colours, _, _, interlaced = _HEADER.unpack(header)
    if colours not in _CHANNELS or not width or not height:
        raise damaged()
    compressed = b"".join(chunks.pixels)
    used = _inflate(compressed, _raw_bytes(width, height, depth * _CHANNELS[colours], bool(interlaced)))
    parts = [SIGNATURE, _chunk(b"IHDR", header)]
    if colours == _PALETTE:
        parts.append(_chunk(b"PLTE", chunks.first.get(b"PLTE", b"")[:_PALETTE_BYTES]))
    if b"tRNS" in chunks.first and colours in _TRANSPARENCY_BYTES:
        parts.append(_chunk(b"tRNS", chunks.first[b"tRNS"][: _TRANSPARENCY_BYTES[colours]]))
    parts += [_chunk(b"IDAT", compressed if used is None else compressed[:used]), _chunk(b"IEND", b"")]
    others = chunks.first.keys() - _ONLY_PIXELS
    found = Container(
        "PNG",
        b"".join(parts),
        exif=chunks.first.get(b"eXIf"),
        metadata=bool(others - _FRAMES) or used != len(compressed),
        frames=b"fdAT" in others,
        deep=depth == _DEEP and colours != 0,
        exact=used is not None,
    )
    try:
        found.profile = _profile(chunks.first, grey=colours in _GREY_TYPES)
    except (UnreadableProfile, zlib.error, struct.error):
        found.profile_broken = True
    return found


def _read_chunks(data: bytes) -> _Chunks:
    found = _Chunks()
    place = len(SIGNATURE)
    while place + 8 <= len(data) and not found.ended:
        length, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        body, crc = data[place + 8 : place + 8 + length], data[place + 8 + length : place + 12 + length]
        if not kind.isalpha():
            raise damaged()
        place += 12 + length
        if place > len(data):
            break
        if kind in _CHECKED and crc != zlib.crc32(body, zlib.crc32(kind)).to_bytes(4):
            raise damaged()
        if kind == b"IDAT":
            found.pixels.append(body)
        found.first.setdefault(kind, body)
        found.ended = kind == b"IEND"
    if found.ended and place < len(data):
        found.first[_TRAILER] = b""
    return found


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def _raw_bytes(width: int, height: int, bits: int, interlaced: bool) -> int:
    """How many bytes the pixels have before they are compressed, with a filter's byte for each row."""
    passes = _ADAM7 if interlaced else ((0, 1, 0, 1),)
    total = 0
    for column, across, row, down in passes:
        columns, rows = -(-(width - column) // across), -(-(height - row) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _inflate(compressed: bytes, expected: int) -> int | None:
    """How many bytes hold the pixels; None where there is more in them than pixels.

    Raises:
        UnreadableImage: some pixels are missing.
    """
    inflater = zlib.decompressobj()
    pending, size = compressed, 0
    try:
        while not inflater.eof and size <= expected:
            piece = inflater.decompress(pending, _PIECE)
            pending = inflater.unconsumed_tail
            size += len(piece)
            if not piece and not pending:
                break
    except zlib.error:
        raise damaged() from None
    if size < expected:
        raise damaged() if inflater.eof else broken_off()
    return len(compressed) - len(inflater.unused_data) if inflater.eof and size == expected else None


def _profile(chunks: Mapping[bytes, bytes], *, grey: bool) -> bytes | None:
    """The profile of the image's colours; None where they are sRGB. In the order of section 4.3 of the specification.

    Raises:
        UnreadableProfile, zlib.error, struct.error: what the file says of them can't be read.
    """
    if b"cICP" in chunks and chunks[b"cICP"] == _CODE_POINTS_SRGB:
        return None
    if b"iCCP" in chunks:
        _, _, compressed = chunks[b"iCCP"].partition(b"\0")
        inflater = zlib.decompressobj()
        profile = inflater.decompress(compressed[1:], _MOST_PROFILE_BYTES)
        if compressed[:1] != b"\0" or not inflater.eof:
            raise UnreadableProfile("the profile can't be inflated")
        return profile
    if b"cICP" in chunks:
        raise UnreadableProfile("colours by code points are not known here")
    if b"sRGB" in chunks or not chunks.keys() & {b"gAMA", b"cHRM"}:
        return None
    gamma = struct.unpack(">I", chunks[b"gAMA"])[0] if b"gAMA" in chunks else None
    primaries = struct.unpack(">8I", chunks[b"cHRM"]) if b"cHRM" in chunks and not grey else None
    return profiles.of_png(gamma, primaries, grey=grey)
