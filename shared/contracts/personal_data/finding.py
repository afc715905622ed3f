"""What a recogniser reports."""

from collections.abc import Iterable
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
