"""Slots: exactly as many annotations as a task may collect, and the life of each.

    held ──► free ◄──► leased ──► submitted
      │       │          ├──────► skipped
      └───────┴──────────┴──────► void

A lease that ran out goes back to free but keeps its token until the slot is leased again: its owner may still submit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class SlotState(StrEnum):
    """What has become of a slot: only a free one can be leased."""

    HELD = "held"  # its record waits for its turn
    FREE = "free"
    LEASED = "leased"
    SUBMITTED = "submitted"
    SKIPPED = "skipped"  # its annotator will not get the record again; another slot took its place
    VOID = "void"


LIVE = frozenset({SlotState.HELD, SlotState.FREE, SlotState.LEASED, SlotState.SUBMITTED})
"""The states in which a slot counts against the task's total."""

TAKEN = frozenset({SlotState.LEASED, SlotState.SUBMITTED, SlotState.SKIPPED})
"""The states of a slot that is its annotator's: nobody else gets it."""


@dataclass(slots=True)
class Slot:
    """One annotation that a task may collect. `rank` and `sort_key` are its place in line."""

    number: int
    state: SlotState
    token: UUID | None = None
    annotator_id: UUID | None = None
    rank: int = 0
    sort_key: float = 0.0

    @property
    def in_hand(self) -> bool:
        """Somebody holds it, or has answered."""
        return self.state in {SlotState.LEASED, SlotState.SUBMITTED}

    @property
    def untouched(self) -> bool:
        """Nobody works on it and nobody may still submit to it."""
        return self.state in {SlotState.HELD, SlotState.FREE} and self.token is None


@dataclass(frozen=True, slots=True)
class SlotChanges:
    """Slot numbers to add and to void."""

    add: tuple[int, ...] = ()
    void: tuple[int, ...] = ()


def fit_slots(slots: Sequence[Slot], target: int) -> SlotChanges:
    """What brings a task to `target` live slots without taking work from anybody.

    What is leased or submitted stays, so a task that has more of those than `target` keeps them.
    """
    live = [slot for slot in slots if slot.state in LIVE]
    surplus = len(live) - target
    spare = sorted((slot.number for slot in live if slot.untouched), reverse=True)
    highest = max((slot.number for slot in slots), default=0)
    return SlotChanges(
        add=tuple(range(highest + 1, highest + 1 + max(0, -surplus))),
        void=tuple(sorted(spare[: max(0, surplus)])),
    )


def all_untouched(slots: Iterable[Slot]) -> bool:
    """Whether nobody has worked, works or may still work on the task."""
    return all(slot.untouched or slot.state is SlotState.VOID for slot in slots)
