"""Whether what a model reads and answers, and what people say, has changed since the model was made.

Compared are held-out records: they are drawn by chance from what comes in, no model selects them, and none learns from them.
So those from before the model was made and those since differ by more than chance only if something has changed. The
records that a model learnt from differ from new ones anyhow: they were selected because earlier models were unsure.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from services.prelabel.domain import two_samples
from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.items import Thumbnail
from services.prelabel.domain.two_samples import SampleComparison

FALSE_ALARMS: Final = 0.01
"""For each kind of drift: the probability that a model for which nothing ever changes gets an alarm, in all of its life."""

WINDOW: Final = 100
"""Held-out records, or labels of such, that a look takes. No record is in two looks."""

FEWEST_BEFORE: Final = 100
"""Of fewer held-out records from before the model nothing is known: then the first ones after it stand for them."""

MOST_BEFORE: Final = 500
"""The newest held-out records from before the model that it is compared with."""

REPORTS_A_PERIOD: Final = 1_000
"""Judged reports after which the live error is reckoned anew, so that good reports of the past don't hide bad ones."""

NO_ANSWER: Final = "(no answer)"
"""The class of a record that the model had no answer for."""

_MOST_SHOWN: Final = 5
_DIGITS: Final = 4


class DriftKind(StrEnum):
    """What has changed: `input`, what models read; `prediction`, what this one answers; `label`, what people say;
    `live_error`, how often it errs in use.
    """

    INPUT = "input"
    PREDICTION = "prediction"
    LABEL = "label"
    LIVE_ERROR = "live_error"


@dataclass(frozen=True, slots=True)
class Shares:
    """How often a class occurs in each sample, in [0, 1]."""

    label: str
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class LookEvidence:
    """What one look saw: `before` and `now` are the sizes of the samples, `size` is how large the difference is, in [0, 1].

    `shares`: the classes whose shares differ most. `confidence_before`, `confidence_now`: means, of predictions.
    """

    p_value: float
    size: float
    before: int
    now: int
    shares: Sequence[Shares] = ()
    confidence_before: float | None = None
    confidence_now: float | None = None


@dataclass(frozen=True, slots=True)
class WatchedRecord:
    """A held-out record: what models read of it, None where there is nothing, and what this model answers, if it does."""

    look: str | Thumbnail | None
    label: str | None
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a model answers for records: classes of shape [n], and confidences, NaN where the class is `NO_ANSWER`."""

    labels: Sequence[str]
    confidences: Floats


def level_of(look: int, risk: float = FALSE_ALARMS) -> float:
    """The share of the risk that a look may spend; looks count from 1.

    1/log2(k + 1) - 1/log2(k + 2) of it: these add up to 1 over all looks there may ever be, so the chance of any false
    alarm is `risk` at most (alpha spending: Lan and DeMets 1983, Biometrika 70), and fall slowly, so that a model which has
    been in use for long is still watched: the first has 37 %, the tenth 1 %, the hundredth .03 %.
    """
    return risk * (1.0 / math.log2(look + 1) - 1.0 / math.log2(look + 2))


def of_inputs(before: Floats, now: Floats, level: float, generator: np.random.Generator) -> LookEvidence:
    """By features of what models read, shape [n, d]; p-values below the level may be rough."""
    return _evidence(two_samples.compare_features(before, now, level, generator), len(before), len(now))


def of_predictions(before: Predicted, now: Predicted) -> LookEvidence:
    """By the classes that the model answers and by how sure it is, at half of the level each (Bonferroni)."""
    counts = Counter(before.labels), Counter(now.labels)
    sure_before, sure_now = (each[~np.isnan(each)] for each in (before.confidences, now.confidences))
    classes = two_samples.compare_shares(*counts)
    confidences = two_samples.compare_values(sure_before, sure_now)
    return LookEvidence(
        min(1.0, 2.0 * min(classes.p_value, confidences.p_value)),
        max(classes.size, confidences.size),
        len(before.labels),
        len(now.labels),
        _most_changed(*counts),
        _mean(sure_before),
        _mean(sure_now),
    )


def of_labels(before: Mapping[str, int], now: Mapping[str, int]) -> LookEvidence:
    """By the shares of the classes among labels of records that were drawn by chance."""
    compared = two_samples.compare_shares(before, now)
    return _evidence(compared, sum(before.values()), sum(now.values()), _most_changed(before, now))


def _evidence(compared: SampleComparison, before: int, now: int, shares: Sequence[Shares] = ()) -> LookEvidence:
    return LookEvidence(compared.p_value, compared.size, before, now, shares)


def _most_changed(before: Mapping[str, int], now: Mapping[str, int]) -> list[Shares]:
    sizes = max(1, sum(before.values())), max(1, sum(now.values()))
    shares = [
        Shares(label, round(before.get(label, 0) / sizes[0], _DIGITS), round(now.get(label, 0) / sizes[1], _DIGITS))
        for label in sorted(before.keys() | now.keys())
    ]
    return sorted(shares, key=lambda each: -abs(each.now - each.before))[:_MOST_SHOWN]


def _mean(values: Floats) -> float | None:
    return round(float(values.mean()), _DIGITS) if len(values) else None
