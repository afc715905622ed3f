"""What it takes to read a picture is told by its header, before anything of it is decoded."""

import io
import struct

import pytest
from PIL import Image

from shared.kit.images.cost import decoding_mb

MOST_PIXELS = 50_000_000


def saved(kind: str, side: int, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("L", (side, side)).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"comment": b"x" * 60_000}])
def test_a_jpeg_costs_what_its_frame_declares(options: dict[str, object]) -> None:
    assert 13 <= decoding_mb(saved("JPEG", 1_000, **options), MOST_PIXELS) <= 15


def test_a_png_costs_what_its_header_declares() -> None:
    assert decoding_mb(saved("PNG", 2_000), MOST_PIXELS) >= 4 * 13


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        saved("JPEG", 100)[:4] + b"\0\0" + saved("JPEG", 100)[6:],
        saved("PNG", 8)[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + saved("PNG", 8)[24:],
    ],
)
def test_what_is_refused_by_its_header_costs_nothing(data: bytes) -> None:
    assert decoding_mb(data, MOST_PIXELS) == 1
