"""What a recogniser reports."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What was found; `[KIND]` is what stands in its place afterwards."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CARD = "CARD"
    IBAN = "IBAN"
    IP = "IP"
    MAC = "MAC"
    CREDENTIALS = "CREDENTIALS"
    SECRET = "SECRET"  # noqa: S105 - a kind of finding
    SSN = "SSN"
    PERSON = "PERSON"
    ADDRESS = "ADDRESS"
    PLACE = "PLACE"
    ORGANISATION = "ORGANISATION"
    DATE = "DATE"
    AGE = "AGE"
    GROUP = "GROUP"
    ID = "ID"

    @property
    def mask(self) -> str:
        return f"[{self.value}]"


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data at code points [`start`, `end`) of a text. `score` in (0, 1]; `source` names the recogniser."""

    start: int
    end: int
    type: Kind
    score: float
    source: str


class RecogniserName(StrEnum):
    """What a project's policy may ask for.

    `patterns`: forms and check digits; always asked. `names`: a model that reads the text, for what only context shows.
    """

    PATTERNS = "patterns"
    NAMES = "names"

    @property
    def kinds(self) -> frozenset[Kind]:
        """What it recognises."""
        return _BY_CONTEXT if self is RecogniserName.NAMES else frozenset(Kind) - _BY_CONTEXT


_BY_CONTEXT = frozenset(
    {Kind.PERSON, Kind.ADDRESS, Kind.PLACE, Kind.ORGANISATION, Kind.DATE, Kind.AGE, Kind.GROUP, Kind.ID}
)


class Recogniser(Protocol):
    """Finds personal data of some kinds. Findings may come in any order and overlap.

    It must not find anything in what `Kind.mask` leaves behind, and needs time linear in the text. The text is folded
    (see `folding`): look-alikes are ASCII, and what is invisible is gone.
    """

    def concerns(self, shape: bytes) -> bool:
        """Whether there could be any in a text of this `folding.shape_of`; False is certain, so `find` is not called then.

        Must be cheap, for every text is asked about.
        """
        ...

    def find(self, text: str) -> Iterable[Finding]: ...


class ContextRecogniser(ABC):
    """Finds what only context shows to be personal data; a text is read once, after the patterns have searched it.

    Takes milliseconds a text, so it is called in worker processes only; time linear in the text.
    """

    @abstractmethod
    def read(self, text: str, found: Sequence[Finding]) -> list[Finding]:
        """In order, without overlaps among themselves, and nothing of what `Kind.mask` leaves behind.

        `found` is what is found already, in order and without overlaps. The text is folded.
        """
