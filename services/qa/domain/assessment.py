"""What qa concludes about an annotator: accuracy on gold with its interval, spam, drift, and the status that follows."""

from dataclasses import dataclass

from shared.contracts.values import AssessmentStatus

from services.qa.domain.agreement import Interval
from services.qa.domain.drift import Drift


@dataclass(frozen=True, slots=True)
class SpamRule:
    """Spam: upper 97.5 % bound of gold accuracy below `gold_below` with at least `least_gold`, or the shrunk mean
    confusion diagonal below `diagonal_below` with at least `least_answers` answers."""

    gold_below: float = 0.6
    least_gold: int = 5
    diagonal_below: float = 0.5
    least_answers: int = 20


@dataclass(frozen=True, slots=True)
class Assessment:
    """`reason` is None while active; else `spam_on_gold`, `spam_by_consensus`, `drift_warning` or `drift`."""

    status: AssessmentStatus
    accuracy: float | None
    interval: Interval
    gold_answers: int
    answers: int
    reason: str | None


def jeffreys(hits: int, trials: int, level: float = 0.95) -> Interval:
    """Equal-tailed credible interval of a rate under Jeffreys' prior, Beta(k + 1/2, n - k + 1/2)."""
    raise NotImplementedError


def spam_reason(*, gold_hits: int, gold_answers: int, diagonal: float, answers: int, rule: SpamRule | None = None) -> str | None:
    """Why an annotator counts as answering without looking, None when nothing shows it."""
    raise NotImplementedError


def assess(*, gold_hits: int, gold_answers: int, diagonal: float, answers: int, drift: Drift | None, rule: SpamRule | None = None) -> Assessment:
    """The whole verdict. `answers` and `diagonal` of the present era; gold of the present era too."""
    raise NotImplementedError
