"""What a format of imports does: it cuts the bytes that come in into lines, one for each item."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from services.ingest.exceptions import NotAccepted
from shared.kit.compute.pool import ComputePool
from shared.kit.exceptions import MalformedJson
from shared.kit.json_batches import shown_pointer
from shared.kit.problems import Problem


class Line(NamedTuple):
    """One item as it came. `number` counts from 1. `size` is about how many bytes it has."""

    number: int
    item: "ImportItem"
    size: int

    def parse(self) -> Any:
        """The item's JSON.

        Raises:
            NotAccepted: it is none, or none that can be stored.
        """
        try:
            return self.item.parse()
        except MalformedJson as error:
            raise NotAccepted("", "json-malformed", str(error)) from None
        except Problem as problem:
            raise NotAccepted(shown_pointer(problem), problem.type, problem.title) from None


class ImportItem(Protocol):
    """What a format holds of one item until it is parsed, outside the event loop."""

    def parse(self) -> Any:
        """Raises MalformedJson; Problem, it can't be stored; NotAccepted, it breaks a rule of the format."""


class RefusedItem(NamedTuple):
    """An item that was parsed elsewhere and can't be taken."""

    pointer: str
    reason: str
    title: str

    def parse(self) -> Any:
        raise NotAccepted(self.pointer, self.reason, self.title)


@dataclass(frozen=True, slots=True)
class ImportSource:
    """What an import is of: items called `name`, of a project, each in a line of so many bytes at most.

    `let_go` is called with the bytes that no line has; `compute` is for what takes too long for the event loop.
    """

    name: str
    max_line_bytes: int
    compute: ComputePool
    project_id: UUID
    let_go: Callable[[int], None]


class ImportFormat(Protocol):
    """`media_types` that it is sent as, the first one is its own; `is_batch`: bounded, so that each item is answered."""

    media_types: tuple[str, ...]
    is_batch: bool

    def lines(self, pieces: AsyncIterator[bytes], source: ImportSource) -> AsyncIterator[list[Line]]:
        """The lines that each piece of the body completes.

        Raises:
            Problem: the body as a whole is none of this format.
        """
