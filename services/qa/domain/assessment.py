"""What qa concludes about an annotator: accuracy on gold with its interval, spam, drift, and the status that follows."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import betaincinv

from services.qa.domain.attention import Attention
from services.qa.domain.drift import Drift
from shared.contracts.values import AssessmentStatus


@dataclass(frozen=True, slots=True)
class SpamRule:
    """When an annotator counts as answering without looking.

    On gold: the upper 97.5 % bound of the accuracy is below `gold_below` with at least `least_gold` gold answers. Beside the
    consensus: at least `least_answers` answers to a question with few classes, of which at least `least_wrong` are likely
    wrong, and the upper 97.5 % bound of the share that follows the item is below `attention_below`, in every question with so
    much evidence. Where an answer is not one of a few classes: the shrunk mean confusion diagonal is below `diagonal_below`.
    """

    gold_below: float = 0.6
    least_gold: int = 5
    attention_below: float = 1 / 3
    least_wrong: float = 5.0
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


def clopper_pearson(hits: int, trials: int, level: float = 0.95) -> Interval:
    """The exact confidence interval of a rate: it holds the rate with at least `level`, whatever the rate is.

    Clopper & Pearson 1934 (Biometrika 26). Bayesian and Wilson intervals are shorter and hold rates near 1 too seldom, which
    is where annotators are.
    """
    tail = (1.0 - level) / 2.0
    low = 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1.0, tail))
    high = 1.0 if hits == trials else float(betaincinv(hits + 1.0, trials - hits, 1.0 - tail))
    return Interval(low, high)


def jeffreys_upper(hits: int, trials: int, level: float = 0.975) -> float:
    """The upper credible bound of a rate under Jeffreys' prior, Beta(k + 1/2, n - k + 1/2); 1 when all was hit."""
    return 1.0 if hits == trials else float(betaincinv(hits + 0.5, trials - hits + 0.5, level))


def spam_reason(
    *,
    gold_hits: int,
    gold_answers: int,
    diagonal: float | None,
    answers: int,
    attentions: Sequence[Attention] = (),
    rule: SpamRule | None = None,
) -> str | None:
    """Why an annotator counts as answering without looking, None when nothing shows it.

    Args:
        gold_hits: Gold answers that were right.
        gold_answers: All of them.
        diagonal: The shrunk balanced accuracy over questions whose answers are not one of a few classes, None without.
        answers: What `diagonal` rests on, at most.
        attentions: By question with few classes.
        rule: The limits.
    """
    rule = rule or SpamRule()
    if gold_answers >= rule.least_gold and jeffreys_upper(gold_hits, gold_answers) < rule.gold_below:
        return "spam_on_gold"
    shown = [
        one.high < rule.attention_below
        for one in attentions
        if one.answers >= rule.least_answers and one.likely_wrong >= rule.least_wrong
    ]
    if diagonal is not None and answers >= rule.least_answers:
        shown.append(diagonal < rule.diagonal_below)
    return "spam_by_consensus" if shown and all(shown) else None


def assess(
    *,
    gold_hits: int,
    gold_answers: int,
    diagonal: float | None,
    answers: int,
    drift: Drift | None,
    attentions: Sequence[Attention] = (),
    rule: SpamRule | None = None,
) -> Assessment:
    """The whole verdict on one annotator; all numbers of the present era, as `spam_reason` takes them.

    Spam and a drift alarm pause; a drift warning asks for more gold until it is cleared or confirmed.
    """
    reason = spam_reason(
        gold_hits=gold_hits,
        gold_answers=gold_answers,
        diagonal=diagonal,
        answers=answers,
        attentions=attentions,
        rule=rule,
    )
    status = AssessmentStatus.PAUSED if reason is not None else AssessmentStatus.ACTIVE
    if reason is None and drift is not None and drift.alarmed:
        status, reason = AssessmentStatus.PAUSED, "drift"
    elif reason is None and drift is not None and drift.warned:
        status, reason = AssessmentStatus.WARNED, "drift_warning"
    return Assessment(
        status=status,
        accuracy=gold_hits / gold_answers if gold_answers else None,
        interval=clopper_pearson(gold_hits, gold_answers),
        gold_answers=gold_answers,
        answers=answers,
        reason=reason,
    )
