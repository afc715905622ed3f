"""The kinds of field that a record may have: one module each, behind the port."""

from collections.abc import Mapping
from typing import Final

from services.ingest.media.image import IMAGE
from services.ingest.media.port import (
    FieldContent,
    FieldKind,
    FileKind,
    FileLimits,
    InlineFile,
    Redaction,
    SafeFile,
    Text,
    UploadedFile,
)
from services.ingest.media.text import TEXT, masked_text

__all__ = [
    "FIELD_KINDS",
    "FILE_KINDS",
    "IMAGE",
    "FieldContent",
    "FieldKind",
    "FileKind",
    "FileLimits",
    "InlineFile",
    "Redaction",
    "SafeFile",
    "Text",
    "UploadedFile",
    "masked_text",
]

FIELD_KINDS: Final[Mapping[str, FieldKind]] = {kind.name: kind for kind in (TEXT, IMAGE)}
FILE_KINDS: Final[Mapping[str, FileKind]] = {kind.name: kind for kind in (IMAGE,)}
"""Those that are kept as files in the object store."""
