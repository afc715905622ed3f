"""The formats of a release's files: one module each, behind one port."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from services.qa.domain.releases import ReleasedLabel
from services.qa.exports import jsonl


class ExportFormat(Protocol):
    """How the labels of one split become one file, in constant memory.

    The file is made in parts, each stored for itself so that an interrupted job loses at most one, and joined at the end.
    """

    suffix: str
    media_type: str

    def part(self, labels: Sequence[ReleasedLabel]) -> bytes:
        """Encode some of the labels, in the order of their records' ids."""

    def join(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Turn the bytes of all parts, in order, into the bytes of the file."""


FORMATS: Final[dict[str, ExportFormat]] = {"jsonl": jsonl.Jsonl()}
DEFAULT: Final = "jsonl"
