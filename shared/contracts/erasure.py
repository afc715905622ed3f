"""What is left of an erased record, place by place: what services report of it, and what a receipt shows."""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.contracts.values import Frozen


class ErasureReason(StrEnum):
    """Why a record is erased. Free text could name the very person, so none is kept."""

    REQUEST = "request"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    RETENTION = "retention"
    MISTAKE = "mistake"
    OTHER = "other"

    @classmethod
    def of(cls, given: str) -> "ErasureReason":
        """The reason that is called so; any other text is `other`."""
        return cls(given) if given in frozenset(cls) else cls.OTHER


class PlaceState(StrEnum):
    """`done`: nothing of the content is left there. `left`: it went to others before, who have to be informed."""

    DONE = "done"
    PENDING = "pending"
    LEFT = "left"


class ErasedPlace(Frozen):
    """One place that held content of an erased record.

    `until`: when it is gone at the latest; absent where that depends on somebody. `reason` says what it waits for, and
    `next_step` what can be done about it. `ids` are the models or releases that the place is about.
    """

    place: str
    state: PlaceState
    done_at: AwareDatetime | None = None
    until: AwareDatetime | None = None
    reason: str | None = None
    next_step: str | None = None
    ids: list[UUID] = Field(default=[])
