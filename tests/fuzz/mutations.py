"""Good files and lines, and what becomes of them when somebody or something breaks them. The same again for each number."""

import io
import os
import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from typing import Final

from PIL import Image, ImageCms

from shared.kit.images import profiles

CASES: Final = int(os.environ.get("FUZZ_CASES", "500"))

Chance = random.Random
Mutation = Callable[[Chance, bytes], bytes]

_ODD: Final = (0, 1, 0x7F, 0x80, 0xFF)
_TAGS: Final = (0x0100, 0x0101, 0x010E, 0x0112, 0x011A, 0x011B, 0x0128, 0x0131, 0x0201, 0x8769, 0x8825, 0xA005, 0xB001)


def chance_of(case: int, what: str) -> Chance:
    return random.Random(f"{what} {case}")


def encode(image: Image.Image, kind: str, **more: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


@cache
def good_images() -> tuple[bytes, ...]:
    """One of each kind that matters: modes, profiles, metadata, several frames."""
    noise = Image.effect_noise((12, 9), 90)
    colours = Image.merge("RGB", (noise, noise.transpose(Image.Transpose.ROTATE_180), noise))
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x0131: "camera", 0x011A: 72.0, 0x0128: 2})
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    other = profiles.of_png(100_000, None, grey=False)
    frames = {"save_all": True, "append_images": [colours.rotate(90)]}
    return (
        encode(colours, "JPEG", exif=exif, icc_profile=srgb, comment=b"a comment"),
        encode(colours, "JPEG", progressive=True, icc_profile=other),
        encode(noise, "JPEG"),
        encode(colours.convert("CMYK"), "JPEG", exif=exif),
        encode(colours, "MPO", exif=exif, **frames),
        encode(colours, "PNG", exif=exif, icc_profile=other, dpi=(72, 72)),
        encode(colours, "PNG", **frames),
        encode(colours.convert("RGBA"), "PNG", icc_profile=srgb),
        encode(colours.quantize(7), "PNG", transparency=2, icc_profile=other),
        encode(noise.convert("1"), "PNG"),
        encode(noise.convert("I;16"), "PNG", exif=exif),
        with_chunk(encode(noise, "PNG"), b"gAMA", (100_000).to_bytes(4)),
    )


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    return data[:33] + png_chunk(kind, body) + data[33:]


def mutated(chance: Chance, data: bytes, mutations: tuple[Mutation, ...]) -> bytes:
    """One to four mutations, one upon the other."""
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(mutations)(chance, data)
    return data


def flip(chance: Chance, data: bytes) -> bytes:
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8)) if found else 0):
        found[chance.randrange(len(found))] = chance.choice((*_ODD, chance.randrange(256)))
    return bytes(found)


def cut(chance: Chance, data: bytes) -> bytes:
    return data[: chance.randint(0, len(data))]


def take_out(chance: Chance, data: bytes) -> bytes:
    start = chance.randint(0, len(data))
    return data[:start] + data[start + chance.randint(1, 40) :]


def repeat(chance: Chance, data: bytes) -> bytes:
    start = chance.randint(0, len(data))
    piece = data[start : start + chance.randint(1, 60)]
    return data[:start] + piece * chance.randint(2, 5) + data[start + len(piece) :]


def insert(chance: Chance, data: bytes) -> bytes:
    start = chance.randint(0, len(data))
    return data[:start] + chance.randbytes(chance.randint(1, 20)) + data[start:]


def number(chance: Chance, data: bytes) -> bytes:
    """A number somewhere becomes one of the odd ones: lengths, offsets and sizes are numbers."""
    size = chance.choice((2, 4))
    start = chance.randint(0, len(data))
    most: int = 256**size - 1
    odd = chance.choice((0, 1, most, most // 2, most // 2 + 1, len(data) & most))
    return data[:start] + odd.to_bytes(size) + data[start + size :]


BYTES: Final = (flip, cut, take_out, repeat, insert, number)


def exif_data(chance: Chance, data: bytes) -> bytes:
    """Exif data with tags of any type, count and value, in both kinds of file."""
    order = chance.choice("<>")
    entries = [
        struct.pack(order + "HHI", chance.choice(_TAGS), chance.randint(0, 14), chance.choice((0, 1, 2, 4, 2**31)))
        + chance.choice((bytes(4), b"\0\x06\0\0", b"\x06\0\0\0", b"\xff" * 4, b"72\0\0", chance.randbytes(4)))
        for _ in range(chance.randint(0, 6))
    ]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
    body = b"Exif\0\0" + head + b"".join(entries) + chance.randbytes(chance.choice((0, 4, 30)))
    return _beside(data, body[6:], b"eXIf", body, 0xE1)


def profile(chance: Chance, data: bytes) -> bytes:
    """A colour profile with some bytes changed, cut off, or of another space."""
    made = profiles.of_png(
        chance.choice((100_000, 50_000, 1_000_000)),
        chance.choice((None, (31270, 32900, 30000, 60000, 64000, 33000, 15000, 6000))),
        grey=chance.random() < 0.2,
    )
    broken = chance.choice((flip, cut, number))(chance, made or b"")
    png = b"a profile\0\0" + zlib.compress(broken)
    return _beside(data, png, b"iCCP", b"ICC_PROFILE\0\x01\x01" + broken, 0xE2)


def colours(chance: Chance, data: bytes) -> bytes:
    """What a PNG says of its colours without a profile, or any other chunk or segment that means something."""
    kind = chance.choice((b"gAMA", b"cHRM", b"sRGB", b"cICP", b"tRNS", b"PLTE", b"acTL", b"fcTL", b"fdAT", b"IHDR"))
    body = b"".join(
        chance.choice((0, 1, 45_455, 100_000, 2**32 - 1)).to_bytes(4) for _ in range(chance.choice((0, 1, 7, 8)))
    )
    marker = chance.choice((0xC0, 0xC4, 0xDB, 0xDD, 0xDA, 0xD8, 0xD9, 0xE0, 0xE2, 0xEE, 0xFE))
    return _beside(data, body, kind, chance.choice((b"JFIF\0", b"Adobe", b"MPF\0", b"")) + body, marker)


def _beside(data: bytes, png: bytes, kind: bytes, jpeg: bytes, marker: int) -> bytes:
    if data.startswith(b"\x89PNG"):
        return with_chunk(data, kind, png)
    return data[:2] + bytes((0xFF, marker)) + (len(jpeg) + 2).to_bytes(2) + jpeg + data[2:]


def checksums(chance: Chance, data: bytes) -> bytes:
    """A PNG whose checksums fit again, so that what is broken in it is looked at."""
    if not data.startswith(b"\x89PNG"):
        return data
    found, place = data[:8], 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4])
        found += png_chunk(data[place + 4 : place + 8], data[place + 8 : place + 8 + length])
        place += 12 + length
    return found


IMAGES: Final = (*BYTES, exif_data, profile, colours, checksums)
