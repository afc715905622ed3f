"""Accept a model's answer without a person only where blind human labels show that its error stays in the budget.

Fixed-sequence testing (Bauer 1991; Angelopoulos et al. 2021, "Learn then Test", section 4.2): thresholds are tried
from strict to loose in an order fixed before any label is looked at, each by an exact binomial test at the same
level; the first failure ends it. The chance that the chosen one breaks the budget is at most 1 - level.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Audited:
    """One blind human label beside the model's answer for the same record.

    `confidence` of that model version's prediction, made before the label was known to it; `right`: they agree.
    `floor`: None for held out (drawn from everything); for an audit the threshold it was drawn above.
    """

    confidence: float
    right: bool
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """Accept from `value` up. `tested` labels at or above it, `errors` of them wrong, `upper_bound` of the error."""

    value: float
    tested: int
    errors: int
    upper_bound: float
    coverage: float


def least_sample(error_budget: float, level: float = 0.95) -> int:
    """n0: how many labels without an error show that the error is within the budget."""
    raise NotImplementedError


def choose_threshold(audited: Sequence[Audited], *, error_budget: float, level: float = 0.95) -> Threshold | None:
    """The loosest threshold the fixed sequence reaches; None is a legal answer.

    Test once per model version, when all its held-out labels are there: testing again after each label is peeking.
    """
    raise NotImplementedError


def upper_bound(errors: int, tested: int, level: float = 0.95) -> float:
    """One-sided Clopper-Pearson upper bound of an error rate; 1 when nothing was tested."""
    raise NotImplementedError


def withdrawal(errors: int, tested: int, *, error_budget: float, level: float = 0.95) -> str | None:
    """Why a threshold must be withdrawn, judged on audits under it, None when it may stay."""
    raise NotImplementedError
