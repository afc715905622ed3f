"""What qa concludes about an annotator: accuracy on gold with its interval, spam, drift, and the status that follows."""

from dataclasses import dataclass

from scipy.special import betaincinv

from services.qa.domain.drift import Drift
from shared.contracts.values import AssessmentStatus


@dataclass(frozen=True, slots=True)
class SpamRule:
    """When an annotator counts as answering without looking.

    The upper 97.5 % bound of the accuracy on gold is below `gold_below` with at least `least_gold` gold answers, or the
    shrunk mean confusion diagonal is below `diagonal_below` with at least `least_answers` answers.
    """

    gold_below: float = 0.6
    least_gold: int = 5
    diagonal_below: float = 0.5
    least_answers: int = 20


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


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
    """Equal-tailed credible interval of a rate under Jeffreys' prior, Beta(k + 1/2, n - k + 1/2).

    As Brown, Cai & DasGupta 2001: the low end is 0 when nothing was hit, the high end 1 when all was.
    """
    tail = (1.0 - level) / 2.0
    low = 0.0 if hits == 0 else float(betaincinv(hits + 0.5, trials - hits + 0.5, tail))
    high = 1.0 if hits == trials else float(betaincinv(hits + 0.5, trials - hits + 0.5, 1.0 - tail))
    return Interval(low, high)


def spam_reason(
    *, gold_hits: int, gold_answers: int, diagonal: float, answers: int, rule: SpamRule | None = None
) -> str | None:
    """Why an annotator counts as answering without looking, None when nothing shows it."""
    rule = rule or SpamRule()
    if gold_answers >= rule.least_gold and jeffreys(gold_hits, gold_answers).high < rule.gold_below:
        return "spam_on_gold"
    if answers >= rule.least_answers and diagonal < rule.diagonal_below:
        return "spam_by_consensus"
    return None


def assess(
    *,
    gold_hits: int,
    gold_answers: int,
    diagonal: float,
    answers: int,
    drift: Drift | None,
    rule: SpamRule | None = None,
) -> Assessment:
    """The whole verdict on one annotator; all numbers of the present era.

    Spam and a drift alarm pause; a drift warning asks for more gold until it is cleared or confirmed.
    """
    reason = spam_reason(gold_hits=gold_hits, gold_answers=gold_answers, diagonal=diagonal, answers=answers, rule=rule)
    status = AssessmentStatus.PAUSED if reason is not None else AssessmentStatus.ACTIVE
    if reason is None and drift is not None and drift.alarmed:
        status, reason = AssessmentStatus.PAUSED, "drift"
    elif reason is None and drift is not None and drift.warned:
        status, reason = AssessmentStatus.WARNED, "drift_warning"
    return Assessment(
        status=status,
        accuracy=gold_hits / gold_answers if gold_answers else None,
        interval=jeffreys(gold_hits, gold_answers),
        gold_answers=gold_answers,
        answers=answers,
        reason=reason,
    )
