"""When did an annotator's error rate rise? A Bernoulli CUSUM over gold hits and leave-one-out consensus hits.

Page 1954 (Biometrika 41); S_t = max(0, S_{t-1} + llr_t) with the log likelihood ratio of error rate p1 against p0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.qa.domain.voting import Outcome


@dataclass(frozen=True, slots=True)
class DriftRule:
    """`baseline_answers` own answers set p0, shrunk to the pool and held in [`lowest`, `highest`]; p1 = max(2 p0, p0 + .25)."""

    baseline_answers: int = 25
    lowest: float = 0.08
    highest: float = 0.30
    warn: float = 5.0
    alarm: float = 8.0
    clear: float = 1.0


@dataclass(frozen=True, slots=True)
class Drift:
    """Where the CUSUM stands. `changed_at`: index of the first outcome after the change, set with `alarmed`."""

    baseline_error: float
    statistic: float
    warned: bool
    alarmed: bool
    changed_at: int | None = None
    alarmed_at: int | None = None


def follow(outcomes: Sequence[Outcome], pool_error: float, rule: DriftRule | None = None) -> Drift:
    """Replay an annotator's outcomes in the order of their answers; `pool_error`: the mean error rate of all annotators.

    Stops at the first alarm. Cheap: a vectorised pass over all outcomes.
    """
    raise NotImplementedError
