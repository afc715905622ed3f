import io

import pytest
from PIL import Image, PngImagePlugin

from services.ingest.exceptions import ImageTooLarge, NotAnImage
from services.ingest.media import FileLimits, SafeFile
from services.ingest.media.image_codec import make_safe as make_image_safe


def make_safe(data: bytes, max_bytes: int, max_pixels: int) -> SafeFile:
    return make_image_safe(data, FileLimits(max_bytes, max_pixels))


PLANTED = "jane.doe@example.com"


def _encode(image: Image.Image, kind: str, **more: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = PLANTED
    return exif


def test_every_place_for_text_in_a_png_is_emptied() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", PLANTED)
    info.add_text("Author", PLANTED, zip=True)
    info.add_itxt("Title", PLANTED)
    data = _encode(
        Image.new("RGB", (4, 3)), "PNG", pnginfo=info, exif=_exif(1), icc_profile=PLANTED.encode(), dpi=(9, 9)
    )
    safe = make_safe(data + PLANTED.encode(), 10_000, 100)
    assert (safe.media_type, safe.width, safe.height) == ("image/png", 4, 3)
    assert PLANTED.encode() not in safe.data
    again = Image.open(io.BytesIO(safe.data))
    again.load()
    assert again.info == {}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_dropped(orientation: int) -> None:
    image = Image.new("L", (30, 20))
    image.paste(255, (0, 0, 15, 10))
    safe = make_safe(_encode(image, "JPEG", exif=_exif(orientation), comment=PLANTED.encode()), 10_000, 1000)
    turned = orientation > 4
    assert (safe.width, safe.height) == ((20, 30) if turned else (30, 20))
    again = Image.open(io.BytesIO(safe.data))
    assert dict(again.getexif()) == {}
    assert PLANTED.encode() not in safe.data
    corner = {1: (5, 5), 2: (25, 5), 3: (25, 15), 4: (5, 15), 5: (5, 5), 6: (15, 5), 7: (15, 25), 8: (5, 25)}[
        orientation
    ]
    assert again.crop((*corner, corner[0] + 1, corner[1] + 1)).tobytes()[0] > 200


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pixels_of_a_png_stay(mode: str) -> None:
    image = Image.effect_noise((5, 4), 50).convert(mode if mode != "I;16" else "I").convert(mode)
    again = Image.open(io.BytesIO(make_safe(_encode(image, "PNG"), 10_000, 100).data))
    assert (again.mode, again.tobytes()) == (Image.open(io.BytesIO(_encode(image, "PNG"))).mode, image.tobytes())


def test_transparency_of_a_palette_stays() -> None:
    image = Image.new("P", (2, 2))
    again = Image.open(io.BytesIO(make_safe(_encode(image, "PNG", transparency=0), 10_000, 100).data))
    assert again.info == {"transparency": 0}


def test_limits_are_checked_before_decoding() -> None:
    data = _encode(Image.new("1", (2000, 2000)), "PNG")
    with pytest.raises(ImageTooLarge):
        make_safe(data, len(data), 3_999_999)
    with pytest.raises(ImageTooLarge):
        make_safe(data, len(data) - 1, 4_000_000)
    assert make_safe(data, len(data), 4_000_000).width == 2000


@pytest.mark.parametrize("cut", [0, 1, 8, 20, 33, 40, 60])
def test_broken_images_are_refused(cut: int) -> None:
    with pytest.raises(NotAnImage):
        make_safe(_encode(Image.effect_noise((20, 20), 50), "PNG")[:cut], 10_000, 1000)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_other_kinds_are_refused(kind: str) -> None:
    with pytest.raises(NotAnImage):
        make_safe(_encode(Image.new("L", (2, 2)), kind), 10_000, 1000)
