"""When a batch is selected, when a model is trained, and what waits for what."""

from dataclasses import dataclass
from typing import Final

from shared.contracts.policies import LearningPolicy

DONE_SHARE: Final = 0.9
"""A batch is done when this share of it has ended; stragglers and disputes don't hold up the next one."""

ENOUGH_TIMES: Final = 10
"""A stream that never pauses is selected from once there are this many times the records of a cold start."""

SHORT_PAUSE_S: Final = 1.5
LONG_PAUSE_S: Final = 5.0
"""Seconds without a new record after which an import is taken to be over: with enough records, and with too few."""


@dataclass(frozen=True, slots=True)
class Supply:
    """What there is to select from: `candidates` as counted up to some bound, seconds since the last record came."""

    candidates: int
    quiet_s: float


@dataclass(frozen=True, slots=True)
class LastBatch:
    """The newest batch: `still_open` of its `size` records have not ended. `selected`: the sizes of all batches."""

    batch: int
    size: int
    still_open: int
    selected: int

    @property
    def done(self) -> bool:
        return self.still_open <= int(self.size * (1 - DONE_SHARE) + 1e-9)


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels that may be trained on. `new` came after the newest run, counted up to the size of a batch."""

    new: int
    two_classes: bool


@dataclass(frozen=True, slots=True)
class PendingComparison:
    """A challenger that waits for labels of the validation split: how many there are, and may still come."""

    have: int
    open: int
    served: bool
    """Whether records drawn by chance, held out or not, are still being served."""

    def worth_waiting_for(self, policy: LearningPolicy) -> bool:
        """Whether the labels are there, or may come while people have something to do."""
        needed = policy.promotion_held_out
        return self.have >= needed or (self.served and self.have + self.open >= needed)


@dataclass(frozen=True, slots=True)
class LearningProgress:
    """Where a project's learning stands. `waiting` is None unless a model that was trained here waits for its comparison.

    `unlearning`: the champion learnt from a record that was erased, and nothing was trained since.
    """

    last: LastBatch | None
    labels: Labels
    trained: bool
    training: bool
    waiting: PendingComparison | None
    rescoring: bool
    unlearning: bool = False

    def wanted(self, policy: LearningPolicy) -> int:
        """The size of the next batch: as long as nothing was trained, what the cold start lacks."""
        lacking = policy.cold_start - (self.last.selected if self.last else 0)
        return lacking if not self.trained and lacking > 0 else policy.batch_size

    def cold(self, policy: LearningPolicy) -> bool:
        """Whether the next batch belongs to the cold start."""
        return not self.trained and (self.last is None or self.last.selected < policy.cold_start)


def training_due(policy: LearningPolicy, progress: LearningProgress) -> bool:
    """Whether a model should be trained now.

    A done batch is reason enough when it brought labels for at least half of it; so is a batch's worth of labels from
    anywhere else. A champion that has something to unlearn gets a successor whether or not labels came.
    """
    if not policy.enabled or progress.training or not progress.labels.two_classes:
        return False
    if progress.unlearning:
        return True
    if progress.labels.new == 0:
        return False
    enough = policy.batch_size if progress.trained else policy.cold_start
    if progress.labels.new >= enough:
        return True
    last = progress.last
    return last is not None and last.done and progress.labels.new >= min(last.size, enough) / 2


def selection_due(policy: LearningPolicy, progress: LearningProgress, supply: Supply) -> bool:
    """Whether the next batch is selected now.

    The cold start waits for an import to be over, so that it chooses from all of it; when that looked over too early
    and too few were there, it is filled up by what comes later. A later batch waits for the one
    before it, for the training that one led to, and for the scores of the champion that came of it. It doesn't wait for
    a comparison when nothing would be left to serve meanwhile.
    """
    if supply.candidates == 0:
        return False
    last, wanted = progress.last, progress.wanted(policy)
    if last is None or progress.cold(policy):
        plenty = supply.candidates >= ENOUGH_TIMES * wanted
        paused = supply.candidates >= wanted and supply.quiet_s >= SHORT_PAUSE_S
        return plenty or paused or supply.quiet_s >= LONG_PAUSE_S
    if not last.done or progress.training or progress.rescoring or training_due(policy, progress):
        return False
    if progress.waiting is not None and progress.waiting.worth_waiting_for(policy):
        return False
    return supply.candidates >= wanted or supply.quiet_s >= LONG_PAUSE_S


def measuring_due(policy: LearningPolicy, have: int) -> bool:
    """Whether a split has labels enough to compare a challenger on, or to test a promoted model on."""
    return have >= policy.promotion_held_out
