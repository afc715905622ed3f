"""What a kind of field does: it checks what it accepts in a record, and makes safe what is kept of a file."""

from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from shared.kit.images.changes import ImageChange

Redaction = tuple[int, int, str] | tuple[int, int, str, int]
"""What was masked in a text: start and end in the original, and the kind; where there are any, how many of its characters
are two UTF-16 code units. Holds no personal data itself."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text that stands in the record itself, once it is masked; `original` is hashed and forgotten."""

    original: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A file that came inside the record. `kind` names the module that makes it safe."""

    kind: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that was uploaded before."""

    asset_id: UUID


FieldContent = Text | InlineFile | UploadedFile


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What is accepted of a file: bytes as it comes, and pixels once it is decoded."""

    max_bytes: int
    max_pixels: int


@dataclass(frozen=True, slots=True)
class SafeFile:
    """What is kept of a file, and how it differs from what was sent; `sha256` in hex."""

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int
    sha256: str
    changes: tuple[ImageChange, ...]


class FieldKind(Protocol):
    """`name` is the kind in a schema."""

    name: str

    def read(self, field_name: str, value: Any) -> FieldContent:
        """What a field holds, from the JSON of a record, as it came: nothing is searched yet.

        Raises:
            NotAccepted: it is none of this kind.
        """


class FileKind(FieldKind, Protocol):
    """`upload_types` are the media types that a file of this kind may be uploaded as."""

    upload_types: tuple[str, ...]

    def make_safe(self, data: bytes, limits: FileLimits) -> SafeFile:
        """Parse a file and write it again without anything that wasn't asked for; takes CPU time, for a worker process.

        Raises:
            NotAnImage: it can't be read.
            ImageTooLarge: it passes a limit.
        """
