"""Files of records, made safe in a worker that has no secrets, files or network."""

from collections.abc import Sequence
from typing import Final

from services.ingest.exceptions import ImageTooLarge, NotAnImage
from services.ingest.media import FILE_KINDS, FileLimits, image_codec

PRELOADED: Final = (image_codec,)

SafeFileRow = tuple[bytes, str, int, int, str, list[str]]
"""The fields of a SafeFile, as plain data."""

Refusal = tuple[str, str]
"""The reason for programs and for people."""

TOO_LARGE: Final = "image-too-large"
UNREADABLE: Final = "image-unreadable"


def make_safe(files: Sequence[tuple[str, bytes]], max_bytes: int, max_pixels: int) -> list[SafeFileRow | Refusal]:
    """What is kept of each file, or why it is refused; one after the other, so that one is in memory at a time.

    `files` are kinds and bytes.
    """
    limits = FileLimits(max_bytes, max_pixels)
    return [_one(kind, data, limits) for kind, data in files]


def _one(kind: str, data: bytes, limits: FileLimits) -> SafeFileRow | Refusal:
    try:
        safe = FILE_KINDS[kind].make_safe(data, limits)
    except ImageTooLarge as error:
        return TOO_LARGE, str(error)
    except NotAnImage as error:
        return UNREADABLE, str(error)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  a fault of ours is the refusal of this file, not of those beside it
        return UNREADABLE, f"{type(error).__name__} while reading it"
    return safe.data, safe.media_type, safe.width, safe.height, safe.sha256, [str(change) for change in safe.changes]
