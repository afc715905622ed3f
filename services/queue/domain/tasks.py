"""A task: the request to annotate one record in one round, pinned to a schema and a guideline version."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.queue.domain.routing import Lane
from services.queue.domain.slots import LIVE, Slot
from shared.contracts.values import TaskKind


class Purpose(StrEnum):
    """Why a task is there. Annotators see only its kind, which is the same for gold and ordinary ones."""

    ANNOTATION = "annotation"
    GOLD = "gold"
    ARBITRATION = "arbitration"

    @property
    def kind(self) -> TaskKind:
        return TaskKind.ARBITRATION if self is Purpose.ARBITRATION else TaskKind.ANNOTATION


@dataclass(slots=True)
class Task:
    """`requested` is the most annotations that qa asked for, `requested_revision` the revision of qa's newest request.

    `unserved`: it was closed because nobody could serve it. `slots` is filled where the slots are locked.
    """

    task_id: UUID
    project_id: UUID
    record_id: UUID
    round: int
    purpose: Purpose
    schema_version: int
    guideline_version: int | None
    lane: Lane
    pool: str
    blind: bool
    open: bool = True
    requested: int = 0
    requested_revision: int = 0
    unserved: bool = False
    slots: tuple[Slot, ...] = ()

    @property
    def slots_total(self) -> int:
        """How many annotations it collects."""
        return sum(slot.state in LIVE for slot in self.slots)
