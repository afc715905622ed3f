"""What a project's records hold: shares of classes, pass rates and how often machines are right, from few labels.

The population of an estimate is every record that was collected by chance, has not become gold and is not erased, or those
of a slice of it. It has three parts:

* *seen*: people have labelled it. Its answers are known and enter as they are;
* *accepted*: a machine's answer is its label. Of those a share was drawn as audits, with the logged probability;
* *waiting*: the champion has predicted it at most. What people answer of such records is learnt from held-out records,
  which were drawn by chance and labelled blind.

So an estimate is known for certain as far as people have come, and what is left is estimated by `prediction_powered`.

Active learning takes out of the waiting records what the champion is unsure of, and held-out records still hold such
ones. So both are compared within bins of the champion's confidence (post-strata, Holt & Smith 1979): the records of a bin
are taken for alike in how far predictions are right, whether a batch was chosen from among them or not.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

import numpy as np

from services.qa.domain.prediction_powered import (
    FEWEST,
    DrawnOutcomes,
    MeanEstimate,
    MeanInterval,
    estimate_mean,
    interval_of,
    labels_needed,
)

CONFIDENCE_BINS: Final = (*(hundredths / 100 for hundredths in range(20, 100, 5)), 0.97, 0.98, 0.99, 0.995)
"""The limits between the bins in which confidence is counted. They are narrow, for batches end somewhere within one."""


class PopulationPart(StrEnum):
    """Whose answer a record has."""

    SEEN = "seen"
    ACCEPTED = "accepted"
    WAITING = "waiting"


class DrawnAs(StrEnum):
    """How a seen record came to be labelled blind, by chance."""

    HELD_OUT = "held_out"
    AUDIT = "audit"


class PopulationCell(NamedTuple):
    """Records that are alike. `predicted`, `bin`: the machine's answer and in which bin its confidence is, None without one;
    of a seen record only where it was drawn. `answer`: what people answered. `probability`: that with which it was drawn,
    up to a factor common to all that were drawn in the same way. `confidence`: the sum over the `records`.
    """

    part: PopulationPart
    drawn_as: DrawnAs | None
    predicted: str | None
    bin: int | None
    answer: str | None
    probability: float
    records: int
    confidence: float


@dataclass(frozen=True, slots=True)
class PopulationSize:
    """How many records there are, by part, and of how many drawn ones the labels are there."""

    records: int
    seen: int
    accepted: int
    waiting: int
    held_out: int
    audits: int


@dataclass(frozen=True, slots=True)
class PopulationEstimate:
    """A share of `records`. Of `seen` of them it is known, and holds for `positive`; of the others it was estimated.

    `others`: the mean of those, None where that takes more drawn records. `labels_alone`: the share of all records as the
    held-out ones say it by themselves, without any prediction and without what else was seen.
    """

    records: int
    seen: int
    positive: int
    others: MeanEstimate | None
    labels_alone: MeanEstimate | None

    @property
    def is_known(self) -> bool:
        return self.others is not None or self.seen == self.records

    @property
    def value(self) -> float:
        return self._share(0.0 if self.others is None else self.others.value)

    def interval(self, level: float) -> MeanInterval:
        """Return the interval of the share; of no width where every record is seen."""
        if self.others is None or self.seen == self.records:
            return MeanInterval(self.value, self.value)
        of_others = interval_of(self.others, level)
        return MeanInterval(self._share(of_others.low), self._share(of_others.high))

    def _share(self, of_others: float) -> float:
        return (self.positive + (self.records - self.seen) * of_others) / self.records

    def labels_needed(self, half_width: float, level: float) -> int | None:
        """Return how many more drawn records with labels an interval of this half width takes, if answers vary as before.

        At most as many as there are others: then all is known. None where nothing can be said of how answers vary.
        """
        left = self.records - self.seen
        if left == 0:
            return 0
        if self.others is None:
            return None
        of_others = half_width * self.records / left
        wanted = 0 if of_others >= 1.0 else labels_needed(self.others, of_others, level)
        return min(left, max(0, wanted - self.others.drawn))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "PopulationEstimate":
        others, alone = stored["others"], stored["labels_alone"]
        return cls(
            stored["records"],
            stored["seen"],
            stored["positive"],
            None if others is None else MeanEstimate(**others),
            None if alone is None else MeanEstimate(**alone),
        )


def size_of(cells: Iterable[PopulationCell]) -> PopulationSize:
    parts = dict.fromkeys(PopulationPart, 0)
    drawn = dict.fromkeys(DrawnAs, 0)
    for cell in cells:
        parts[cell.part] += cell.records
        if cell.drawn_as is not None:
            drawn[cell.drawn_as] += cell.records
    return PopulationSize(
        records=sum(parts.values()),
        **{part.value: count for part, count in parts.items()},
        held_out=drawn[DrawnAs.HELD_OUT],
        audits=drawn[DrawnAs.AUDIT],
    )


def share_of(cells: Sequence[PopulationCell], passing: frozenset[str], labels: int) -> PopulationEstimate:
    """Return the share of records whose answer is one of `passing`, of a question with so many labels."""
    seen = [cell for cell in cells if cell.part is PopulationPart.SEEN]
    others = [cell for cell in cells if cell.part is not PopulationPart.SEEN]
    confidence = _mean_confidence(cells)

    def predicted(cell: PopulationCell) -> float:
        if cell.predicted is None or cell.bin is None:
            return len(passing) / labels
        sure = confidence[cell.predicted, cell.bin]
        rest = (1.0 - sure) / (labels - 1)
        return sure + rest * (len(passing) - 1) if cell.predicted in passing else rest * len(passing)

    return _estimate(
        others,
        [cell for cell in seen if cell.drawn_as is not None],
        outcome=lambda cell: float(cell.answer in passing),
        predicted=predicted,
        seen=sum(cell.records for cell in seen),
        positive=sum(cell.records for cell in seen if cell.answer in passing),
        labels_alone=_labels_alone(seen, passing, sum(cell.records for cell in cells)),
    )


def _labels_alone(seen: Iterable[PopulationCell], passing: frozenset[str], records: int) -> MeanEstimate | None:
    held_out = [cell for cell in seen if cell.drawn_as is DrawnAs.HELD_OUT]
    size = _records(held_out)
    if size < FEWEST:
        return None
    rows = [(float(cell.answer in passing), 1.0 / cell.probability, cell.records) for cell in held_out]
    outcomes, weights, counts = (np.array(column, float) for column in zip(*rows, strict=True))
    none, one_group = np.zeros(len(rows)), np.zeros(len(rows), np.intp)
    sample = DrawnOutcomes(outcomes, none, weights, counts, one_group, np.full(len(rows), 1.0 - size / records))
    return estimate_mean(sample, 0.0)


def accuracy_of(cells: Sequence[PopulationCell]) -> PopulationEstimate | None:
    """Return how often the machine's answer is right, of records that no person has labelled; None without such records."""
    others = [cell for cell in cells if cell.part is not PopulationPart.SEEN and cell.predicted is not None]
    if not others:
        return None
    confidence = _mean_confidence(cells)
    return _estimate(
        others,
        [cell for cell in cells if cell.drawn_as is not None and cell.predicted is not None],
        outcome=lambda cell: float(cell.answer == cell.predicted),
        predicted=lambda cell: confidence[cell.predicted or "", cell.bin or 0],
        seen=0,
        positive=0,
        labels_alone=None,
    )


def _mean_confidence(cells: Iterable[PopulationCell]) -> dict[tuple[str, int], float]:
    """The mean confidence of each predicted class in each bin."""
    records: dict[tuple[str, int], int] = {}
    total: dict[tuple[str, int], float] = {}
    for cell in cells:
        if cell.predicted is not None and cell.bin is not None:
            key = (cell.predicted, cell.bin)
            records[key] = records.get(key, 0) + cell.records
            total[key] = total.get(key, 0.0) + cell.confidence
    return {key: total[key] / count for key, count in records.items()}


def _estimate(
    others: Sequence[PopulationCell],
    drawn: Sequence[PopulationCell],
    *,
    outcome: Callable[[PopulationCell], float],
    predicted: Callable[[PopulationCell], float],
    seen: int,
    positive: int,
    labels_alone: MeanEstimate | None,
) -> PopulationEstimate:
    records = seen + sum(cell.records for cell in others)
    strata = _strata(others, drawn)
    if not strata:
        return PopulationEstimate(records, seen, positive, None, labels_alone)
    rows = [
        (outcome(cell), predicted(cell), stratum.weight / cell.probability, cell.records, number, stratum.variation)
        for number, stratum in enumerate(strata)
        for cell in stratum.drawn
    ]
    outcomes, predictions, weights, counts, groups, variation = (np.array(column) for column in zip(*rows, strict=True))
    sample = DrawnOutcomes(outcomes, predictions, weights, counts.astype(float), groups, variation)
    mean = sum(predicted(cell) * cell.records for cell in others) / (records - seen)
    return PopulationEstimate(records, seen, positive, estimate_mean(sample, mean), labels_alone)


@dataclass(frozen=True, slots=True)
class _Stratum:
    """Drawn records that stand for some of the others; `weight`: how many a record with the probability 1 stands for;
    `variation` as in `DrawnOutcomes`.
    """

    drawn: Sequence[PopulationCell]
    weight: float
    variation: float


def _strata(others: Sequence[PopulationCell], drawn: Sequence[PopulationCell]) -> list[_Stratum]:
    """Return what stands for what; nothing where too few were drawn.

    Audits stand for what was accepted. Where they are few, held-out records stand for that, too, as they do for what waits.
    """
    audits = [cell for cell in drawn if cell.drawn_as is DrawnAs.AUDIT]
    accepted = [cell for cell in others if cell.part is PopulationPart.ACCEPTED]
    strata = []
    if accepted and _records(audits) >= FEWEST:
        strata.append(_stratum(accepted, audits))
        others = [cell for cell in others if cell.part is PopulationPart.WAITING]
    if not others:
        return strata
    held_out = [cell for cell in drawn if cell.drawn_as is DrawnAs.HELD_OUT]
    like_them = [cell for cell in held_out if _bin(cell) in {_bin(other) for other in others}]
    if _records(like_them) >= FEWEST:
        held_out = like_them
    if _records(held_out) < FEWEST:
        return []
    joined = _joined_bins(others, held_out)
    return [*strata, *(_stratum(_within(others, bins), _within(held_out, bins)) for bins in joined)]


def _joined_bins(others: Sequence[PopulationCell], drawn: Sequence[PopulationCell]) -> list[set[int]]:
    """Bins of confidence from the lowest on, neighbours joined until as many records were drawn in each set as it takes."""
    found: list[set[int]] = []
    joined: set[int] = set()
    for place in sorted({_bin(cell) for cell in (*others, *drawn)}):
        joined.add(place)
        if _records(_within(drawn, joined)) >= FEWEST and _within(others, joined):
            found.append(joined)
            joined = set()
    if found:
        found[-1] |= joined
        return found
    return [joined]


def _bin(cell: PopulationCell) -> int:
    """-1 where there is no prediction."""
    return -1 if cell.bin is None else cell.bin


def _within(cells: Iterable[PopulationCell], bins: set[int]) -> list[PopulationCell]:
    return [cell for cell in cells if _bin(cell) in bins]


def _stratum(others: Sequence[PopulationCell], drawn: Sequence[PopulationCell]) -> _Stratum:
    stands_for = sum(cell.records / cell.probability for cell in drawn)
    return _Stratum(drawn, _records(others) / stands_for, 1.0 + _records(drawn) / _records(others))


def _records(cells: Iterable[PopulationCell]) -> int:
    return sum(cell.records for cell in cells)
