"""The names of the formats that are not accepted, so that a refusal can name what came."""

import re
from typing import Final

_BRANDS: Final = {b"avif": "AVIF", b"avis": "AVIF", b"crx ": "CR3"} | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "HEIC"
)
"""By the major brand of an ISO base media file (ISO/IEC 14496-12, section 4.3)."""

_OTHERS: Final = (
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WebP"),
    (re.compile(rb"BM.{4}\x00{4}", re.DOTALL), "BMP"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "TIFF"),
    (re.compile(rb"\x00\x00\x01\x00"), "ICO"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "), "JPEG XL"),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), "JPEG 2000"),
    (re.compile(rb"8BPS"), "Photoshop"),
    (re.compile(rb"%PDF-"), "PDF"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}(?:<\?xml[^>]{0,200}>\s{0,64})?<svg[\s>]", re.IGNORECASE), "SVG"),
)


def other_format(data: bytes) -> str | None:
    """The name of the format that a file begins as; None where it is none of those that people send."""
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12])
    return next((name for begins, name in _OTHERS if begins.match(data)), None)
