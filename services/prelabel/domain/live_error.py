"""How often a model errs in use, by what product systems report, and whether that is worse than was promised.

Everything here may be looked at after every report: the intervals hold at all times together.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from scipy.special import betaincinv, betaln

_PRIOR: Final = 0.5
_STEPS: Final = 60
_SHOWN: Final = 0.05


class LiveState(StrEnum):
    """What reports say of the error that was promised.

    `no_promise`: the model was never measured. `no_reports`: nothing was confirmed or corrected yet. `only_errors`: nothing
    was ever confirmed, so how often it errs can't be known.
    """

    NO_PROMISE = "no_promise"
    NO_REPORTS = "no_reports"
    ONLY_ERRORS = "only_errors"
    WITHIN = "within"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Promise:
    """The error rate of a model on `records` labels made by people, and the upper end of its interval."""

    error: float
    high: float
    records: int


@dataclass(frozen=True, slots=True)
class LiveError:
    """`wrong` of so many `reports` that judged an answer, and the 95 % interval of the error rate, which holds at all times.

    `p_value` holds at all times, too: how often reports would ever look so bad if the error were `Promise.high`.
    `explained_by`: if it is worse, how many times as often wrong answers would have to be reported as right ones for the
    promise to hold nevertheless.
    """

    state: LiveState
    reports: int
    wrong: int
    low: float
    high: float
    p_value: float = 1.0
    explained_by: float | None = None


def promise(wrong: int, records: int, level: float) -> Promise | None:
    """What was measured of a model; `level` is how often its error lies above `high` (Clopper and Pearson 1934)."""
    if records == 0:
        return None
    high = 1.0 if wrong >= records else float(betaincinv(wrong + 1.0, float(records - wrong), 1.0 - level))
    return Promise(wrong / records, high, records)


def interval(wrong: int, reports: int, level: float) -> tuple[float, float]:
    """Between which error rates the reports leave the truth, at all times together with probability 1 - `level`.

    The mixture over Jeffreys' prior of likelihood ratios against a rate is a martingale if that is the true rate, and
    exceeds 1/level with probability `level` at most, ever (Ville 1939; Robbins 1970; for Bernoulli variables Howard et al.
    2021, Annals of Statistics 49, proposition 7; as betting Waudby-Smith and Ramdas 2024, JRSS B 86). The interval has the
    rates that it doesn't contradict. (0, 1) without reports.
    """
    if reports == 0:
        return 0.0, 1.0
    bound = -math.log(level)

    def possible(rate: float) -> bool:
        return _log_evidence(wrong, reports, rate) < bound

    most_likely = wrong / reports
    low = 0.0 if wrong == 0 else _edge(possible, most_likely, 0.0)
    high = 1.0 if wrong == reports else _edge(possible, most_likely, 1.0)
    return low, high


def judge(promised: Promise | None, wrong: int, reports: int, level: float, *, ever_confirmed: bool) -> LiveError:
    """Whether the reports contradict what was promised; if they don't, they do so with probability `level` at most, ever.

    They do when the lower end of the interval at `level` lies above the upper end of the promise's. `ever_confirmed`:
    whether an answer of the model was ever reported to be right, not among these reports alone.
    """
    low, high = interval(wrong, reports, _SHOWN)
    if reports > 0 and not ever_confirmed:
        return LiveError(LiveState.ONLY_ERRORS, reports, wrong, 0.0, 1.0)
    if promised is None:
        return LiveError(LiveState.NO_PROMISE, reports, wrong, low, high)
    if reports == 0:
        return LiveError(LiveState.NO_REPORTS, reports, wrong, low, high)
    p_value = 1.0
    if wrong / reports > promised.high:
        p_value = math.exp(min(0.0, -_log_evidence(wrong, reports, promised.high)))
    if p_value > level:
        return LiveError(LiveState.WITHIN, reports, wrong, low, high, p_value)
    surely = interval(wrong, reports, level)[0]
    return LiveError(LiveState.WORSE, reports, wrong, low, high, p_value, _odds(surely) / _odds(promised.high))


def _log_evidence(wrong: int, reports: int, rate: float) -> float:
    """The logarithm of the martingale against the rate."""
    right = reports - wrong
    mixture = float(betaln(wrong + _PRIOR, right + _PRIOR) - betaln(_PRIOR, _PRIOR))
    return mixture - (wrong * math.log(rate) if wrong else 0.0) - (right * math.log1p(-rate) if right else 0.0)


def _odds(rate: float) -> float:
    return rate / (1.0 - rate)


def _edge(possible: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where what is possible ends, between a rate that is and one that is not."""
    for _ in range(_STEPS):
        middle = (inside + outside) / 2.0
        if possible(middle):
            inside = middle
        else:
            outside = middle
    return outside
