"""What is kept of an image's colours, depth and frames, and what is reported of it."""

import io
import struct
import zlib
from typing import Final

import pytest
from PIL import Image, ImageCms

from services.ingest.exceptions import NotAnImage
from services.ingest.media import FileLimits, SafeFile
from services.ingest.media.image_codec import make_safe as make_image_safe
from shared.kit.images import profiles
from shared.kit.images.exif import orientation

SRGB: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SWAPPED: Final = (31270, 32900, 30000, 60000, 64000, 33000, 15000, 6000)
"""The primaries of sRGB, red and green exchanged."""

GREEN: Final = (40, 231, 30)
RED: Final = (231, 40, 30)
PLANTED: Final = b"jane.doe@example.com"


def make_safe(data: bytes) -> SafeFile:
    return make_image_safe(data, FileLimits(1_000_000, 100_000))


def encode(image: Image.Image, kind: str = "PNG", **more: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def opened(safe: SafeFile) -> Image.Image:
    image = Image.open(io.BytesIO(safe.data))
    image.load()
    return image


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    chunk = len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)
    return data[:33] + chunk + data[33:]


def deep_png(colours: int, channels: int, *, size: int = 4) -> bytes:
    """A PNG of 16 bits a channel, whose lower bits matter."""
    rows = b"".join(
        b"\0" + b"".join(struct.pack(">H", 257 * x + y + 1) for x in range(size * channels)) for y in range(size)
    )
    head = struct.pack(">IIBBBBB", size, size, 16, colours, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        data += len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)
    return data


def exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """Exif data of tags, types, counts and values of four bytes."""
    body = b"".join(struct.pack(">HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + body + bytes(4)


TURN: Final = (0x0112, 3, 1, b"\0\x06\0\0")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_profile_with_other_primaries_is_applied_before_it_goes(kind: str) -> None:
    swapped = profiles.of_png(None, SWAPPED, grey=False)
    safe = make_safe(encode(Image.new("RGB", (16, 16), GREEN), kind, icc_profile=swapped))
    image = opened(safe)
    assert "icc_profile" not in image.info
    assert image.convert("RGB").getpixel((8, 8)) == pytest.approx(RED, abs=3)
    expected = ["metadata-removed", "converted-to-srgb"]
    assert list(safe.changes) == (expected if kind == "PNG" else [*expected, "re-encoded"])


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_profile_of_srgb_changes_no_pixel(kind: str) -> None:
    image = Image.effect_noise((16, 16), 90).convert("RGB")
    safe = make_safe(encode(image, kind, icc_profile=SRGB))
    assert list(safe.changes) == ["metadata-removed"]
    assert opened(safe).tobytes() == opened_bytes(encode(image, kind))


def opened_bytes(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.tobytes()


@pytest.mark.parametrize("profile", [b"rubbish", PLANTED * 20, profiles.of_png(100_000, None, grey=True)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_profile_that_is_none_is_reported_and_taken_as_srgb(kind: str, profile: bytes) -> None:
    data = encode(Image.new("RGB", (16, 16), GREEN), kind, icc_profile=profile)
    safe = make_safe(data)
    assert list(safe.changes) == ["metadata-removed", "profile-unreadable"]
    assert opened(safe).getpixel((3, 3)) == pytest.approx(GREEN, abs=3)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (2, 2), 128), 188),
        (Image.new("LA", (2, 2), (128, 77)), (188, 77)),
        (Image.new("RGB", (2, 2), (128, 64, 0)), (188, 137, 0)),
        (Image.new("RGBA", (2, 2), (128, 64, 0, 77)), (188, 137, 0, 77)),
        (Image.new("I;16", (2, 2), 128 * 257), 188),
    ],
)
def test_linear_light_is_converted_and_transparency_stays(image: Image.Image, expected: object) -> None:
    safe = make_safe(with_chunk(encode(image), b"gAMA", (100_000).to_bytes(4)))
    assert opened(safe).getpixel((0, 0)) == expected
    assert "converted-to-srgb" in safe.changes
    assert ("depth-reduced" in safe.changes) == (image.mode == "I;16")


def test_colours_of_a_palette_are_converted_and_their_transparency_stays() -> None:
    image = Image.new("RGB", (4, 4), GREEN).quantize(2)
    swapped = profiles.of_png(None, SWAPPED, grey=False)
    again = opened(make_safe(encode(image, icc_profile=swapped, transparency=0)))
    assert again.mode == "P"
    assert again.info == {"transparency": 0}
    assert again.convert("RGB").getpixel((0, 0)) == pytest.approx(RED, abs=2)


def test_chromaticities_are_applied_and_an_srgb_chunk_goes_before_them() -> None:
    data = with_chunk(encode(Image.new("RGB", (2, 2), GREEN)), b"cHRM", struct.pack(">8I", *SWAPPED))
    assert opened(make_safe(data)).getpixel((0, 0)) == pytest.approx(RED, abs=2)
    assert opened(make_safe(with_chunk(data, b"sRGB", b"\0"))).getpixel((0, 0)) == GREEN


@pytest.mark.parametrize("body", [b"", b"\0", bytes(4), b"\xff" * 4])
def test_an_impossible_gamma_is_reported(body: bytes) -> None:
    safe = make_safe(with_chunk(encode(Image.new("RGB", (2, 2), GREEN)), b"gAMA", body))
    assert "profile-unreadable" in safe.changes
    assert opened(safe).getpixel((0, 0)) == GREEN


@pytest.mark.parametrize(("colours", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bits_a_channel_stay(colours: int, channels: int) -> None:
    data = deep_png(colours, channels)
    assert make_safe(data).data == data
    safe = make_safe(with_chunk(data, b"tEXt", b"Author\0" + PLANTED))
    assert safe.data == data
    assert list(safe.changes) == ["metadata-removed"]


@pytest.mark.parametrize(("colours", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_depth_that_turning_costs_is_reported(colours: int, channels: int) -> None:
    safe = make_safe(with_chunk(deep_png(colours, channels), b"eXIf", exif(TURN)))
    assert "turned-upright" in safe.changes
    assert ("depth-reduced" in safe.changes) == (colours != 0), "Pillow turns 16 bits of grey alone"


def test_a_jpeg_without_metadata_keeps_its_bytes() -> None:
    data = encode(Image.effect_noise((40, 20), 90), "JPEG", quality=61)
    safe = make_safe(data)
    assert (safe.data, safe.changes) == (data, ())


@pytest.mark.parametrize("progressive", [False, True])
def test_metadata_of_a_jpeg_go_and_its_pixels_stay(progressive: bool) -> None:
    image = Image.effect_noise((40, 20), 90).convert("RGB")
    plain = encode(image, "JPEG", progressive=progressive)
    data = encode(image, "JPEG", progressive=progressive, exif=b"Exif\0\0" + exif(), comment=PLANTED) + PLANTED
    safe = make_safe(data)
    assert (safe.data, list(safe.changes)) == (plain, ["metadata-removed"])


@pytest.mark.parametrize("profile", [b"", PLANTED])
def test_cmyk_becomes_srgb_without_a_profile_that_can_be_read(profile: bytes) -> None:
    data = encode(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", icc_profile=profile)
    safe = make_safe(data)
    assert opened(safe).mode == "RGB"
    assert opened(safe).getpixel((8, 8)) == pytest.approx((255, 0, 0), abs=4)
    unreadable = ["metadata-removed", "profile-unreadable"] if profile else []
    assert list(safe.changes) == [*unreadable, "converted-to-srgb", "re-encoded"]
    assert make_safe(safe.data).changes == ()


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE", b"IDAT", b"IEND"])
def test_a_png_with_a_wrong_checksum_is_damaged(kind: bytes) -> None:
    data = bytearray(encode(Image.effect_noise((8, 8), 50).convert("P")))
    place = data.index(kind)
    end = place + 4 + int.from_bytes(data[place - 4 : place])
    data[end] ^= 1
    with pytest.raises(NotAnImage, match="damaged"):
        make_safe(bytes(data))


def test_frames_that_go_are_reported() -> None:
    first, second = Image.new("RGB", (8, 8), GREEN), Image.new("RGB", (8, 8), RED)
    animated = make_safe(encode(first, save_all=True, append_images=[second]))
    assert "frames-dropped" in animated.changes
    assert opened(animated).getpixel((0, 0)) == GREEN
    assert getattr(opened(animated), "n_frames", 1) == 1
    phone = make_safe(encode(first, "MPO", save_all=True, append_images=[second]))
    assert "frames-dropped" in phone.changes
    assert opened(phone).format == "JPEG"


def test_a_portrait_of_a_phone_is_its_first_frame_upright() -> None:
    image = Image.new("RGB", (40, 24), GREEN)
    data = encode(
        image, "MPO", save_all=True, append_images=[Image.new("RGB", (40, 24))], exif=b"Exif\0\0" + exif(TURN)
    )
    safe = make_safe(data)
    assert (safe.width, safe.height) == (24, 40)
    assert opened(safe).getpixel((5, 5)) == pytest.approx(GREEN, abs=4)
    assert list(safe.changes) == ["metadata-removed", "frames-dropped", "turned-upright", "re-encoded"]


@pytest.mark.parametrize(
    "odd",
    [
        (0x011A, 2, 4, b"72\0\0"),  # XResolution, ASCII
        (0x011A, 5, 1, b"\xff\xff\xff\xff"),
        (0x011A, 10, 1, struct.pack(">I", 8)),
        (0x0131, 11, 1, struct.pack(">f", 1.5)),  # Software, a float
        (0x0128, 2, 2, b"2\0\0\0"),  # ResolutionUnit, ASCII
        (0x0100, 9, 1, struct.pack(">i", -1)),  # ImageWidth
        (0x8769, 4, 1, struct.pack(">I", 8)),  # Exif data that lead to themselves
        (0x8825, 4, 1, b"\xff\xff\xff\xff"),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_odd_exif_data_leave_the_orientation_alone(kind: str, odd: tuple[int, int, int, bytes]) -> None:
    for entries in ((odd, TURN), (TURN, odd)):
        data = encode(Image.new("RGB", (6, 4)), kind, exif=b"Exif\0\0" + exif(*entries))
        safe = make_safe(data)
        assert (safe.width, safe.height) == (4, 6)


@pytest.mark.parametrize(
    "data",
    [None, b"", b"MM", b"II*\0\xff\xff\xff\xff", exif((0x0112, 2, 4, b"6\0\0\0")), exif((0x0112, 3, 1, bytes(4)))],
)
def test_without_a_readable_orientation_an_image_is_upright(data: bytes | None) -> None:
    assert orientation(data) == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_refusal_names_what_is_wrong(kind: str) -> None:
    data = encode(Image.effect_noise((20, 20), 50), kind)
    for cut in range(1, len(data)):
        with pytest.raises(NotAnImage, match="broken off"):
            make_safe(data[:cut])
    with pytest.raises(NotAnImage, match="empty"):
        make_safe(b"")
    with pytest.raises(NotAnImage, match="PNG and JPEG are accepted"):
        make_safe(b"GIF89a" + data)
    with pytest.raises(NotAnImage, match="damaged"):
        make_safe(data[:24] + bytes(len(data) - 40) + data[-16:])


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"GIF89a", "GIF"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "WebP"),
        (b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", "HEIC"),
        (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "AVIF"),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", "BMP"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"MM\0*\0\0\0\x08", "TIFF"),
        (b"\0\0\1\0\1\0", "ICO"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"%PDF-1.7\n", "PDF"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    ],
)
def test_a_refusal_names_the_format_that_came(data: bytes, name: str) -> None:
    with pytest.raises(NotAnImage, match=f"PNG and JPEG are accepted, not {name}$"):
        make_safe(data + bytes(40))


@pytest.mark.parametrize("data", [b"hello, no image at all", b"BMW is no bitmap", b"\0\0\0\x18ftypisom"])
def test_what_is_no_known_format_is_given_no_name(data: bytes) -> None:
    with pytest.raises(NotAnImage, match=r"PNG and JPEG are accepted$"):
        make_safe(data)


def test_what_hides_behind_the_pixels_of_a_png_goes() -> None:
    image = Image.new("L", (2, 2), 9)
    for pixels in (zlib.compress(b"\0\x09\x09" * 2) + PLANTED, zlib.compress(b"\0\x09\x09" * 2 + PLANTED * 9, level=0)):
        data = encode(image)[:33]
        for kind, body in ((b"IDAT", pixels), (b"IEND", b"")):
            data += len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)
        safe = make_safe(data)
        assert PLANTED not in safe.data
        assert list(safe.changes) == ["metadata-removed"]
        assert opened(safe).tobytes() == image.tobytes()
