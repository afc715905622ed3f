"""A task: the request to annotate one record in one round, pinned to a schema and a guideline version."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.queue.domain.routing import Lane
from services.queue.domain.slots import LIVE, Slot, SlotState, fit_slots
from shared.contracts.values import Answers, TaskKind


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
    """A task with all its slots; a gold task that was there before has none of them, since there may be thousands.

    `requested` is the most annotations that qa asked for, `requested_revision` the revision of qa's newest request.
    `unserved`: it was closed because nobody could serve it. `suspect_at`: when to look whether anybody can.
    `disputed`: the answers to decide between, None where they are as they were. `leased_too`: what was leased is void since
    it was closed.
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
    opened_at: datetime
    open: bool = True
    requested: int = 0
    requested_revision: int = 0
    unserved: bool = False
    suspect_at: datetime | None = None
    disputed: Sequence[Answers] | None = None
    leased_too: bool = False
    slots: list[Slot] = field(default_factory=list)

    @property
    def slots_total(self) -> int:
        """How many annotations it collects."""
        return sum(slot.state in LIVE for slot in self.slots)

    @property
    def in_hand(self) -> bool:
        """Whether somebody holds a lease of it, or has answered: then it ends as it began."""
        return any(slot.in_hand for slot in self.slots)

    def pin(self, schema_version: int, guideline_version: int | None) -> None:
        """Have the task, which is in nobody's hand, answered by these versions.

        What annotators whose leases ran out may still submit answers the versions before.
        """
        if (self.schema_version, self.guideline_version) == (schema_version, guideline_version):
            return
        self.schema_version, self.guideline_version = schema_version, guideline_version
        self.renew_expired()

    def renew_expired(self) -> None:
        """Have each slot whose lease ran out make way for a new one: its annotator may submit no more."""
        for slot in list(self.slots):
            if slot.state is SlotState.FREE and slot.token is not None:
                slot.state = SlotState.VOID
                self.add_slot(slot.sort_key, slot.rank)

    def reopen(self) -> None:
        self.open, self.unserved = True, False

    def close(self, *, leased_too: bool = False, unserved: bool = False) -> None:
        """End the task and void its slots: the free and held ones, expired leases among them, or the leased ones too."""
        self.open, self.unserved, self.suspect_at, self.leased_too = False, unserved, None, leased_too
        for slot in self.slots:
            if slot.state in {SlotState.HELD, SlotState.FREE} or (leased_too and slot.state is SlotState.LEASED):
                slot.state = SlotState.VOID

    def open_held(self) -> None:
        """Its record waits for no turn any more."""
        for slot in self.slots:
            if slot.state is SlotState.HELD:
                slot.state = SlotState.FREE

    def suspect(self, at: datetime) -> None:
        """Have it looked at, by then, whether anybody is left to serve the task."""
        self.suspect_at = at if self.suspect_at is None else min(at, self.suspect_at)

    def collect(
        self, target: int, sort_key: Callable[[int], float], rank: int, state: SlotState = SlotState.FREE
    ) -> bool:
        """Bring the task to `target` live slots without taking work from anybody; return whether slots were added."""
        changes = fit_slots(self.slots, target)
        for slot in self.slots:
            if slot.number in changes.void:
                slot.state = SlotState.VOID
        self.slots += [Slot(number, state, rank=rank, sort_key=sort_key(number)) for number in changes.add]
        return bool(changes.add)

    def add_slot(self, sort_key: float, rank: int) -> None:
        """Add a free slot."""
        self.slots.append(Slot(len(self.slots) + 1, SlotState.FREE, rank=rank, sort_key=sort_key))

    def move(self, lane: Lane, pool: str, *, blind: bool, rank: int, state: SlotState) -> None:
        """Move the task, which nobody has touched, to another line."""
        self.reopen()
        self.lane, self.pool, self.blind = lane, pool, blind
        for slot in self.slots:
            if slot.untouched:
                slot.rank, slot.state = rank, state
