"""The promise of auto-accept where people share the model's mistakes, over all versions of a model, and what it costs.

A share of agreements goes to an expert, as the operations draw it. `shares`: the probability with which people make the
mistake that the model makes. Coverage is held against the oracle's, who knows the risk of every answer: the largest share
of answers with the mean risk within the budget. `TOUCHSTONE_GATE_PROJECTS` multiplies the projects.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from services.qa.domain.auto_accept import Audited, Check, level_of_look, lowest_confidence
from services.qa.domain.class_thresholds import ThresholdSet, check_share, choose_thresholds, how_often_given

_TIMES = int(os.environ.get("TOUCHSTONE_GATE_PROJECTS", "1"))
_CROWD = 40_000
_SLIPS = 0.02
"""How often people err where the model is right."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Crowd:
    """All answers of a model, surest first: its confidence, the risk that the answer is wrong, and its class."""

    confidence: Floats
    risk: Floats
    label: NDArray[np.int64]

    def oracle(self, budget: float) -> float:
        mean = np.cumsum(self.risk) / np.arange(1, len(self.risk) + 1)
        within = (mean <= budget) & (self.confidence >= lowest_confidence(budget))
        return float(np.flatnonzero(within).max(initial=-1) + 1) / len(self.risk)


def crowd(name: str) -> Crowd:
    generator = np.random.default_rng(11)
    sharpness, spread, trust, classes = {
        "many classes": (4.0, 0.45, 1.0, 77),  # right in 90 %, as of BANKING77
        "overconfident": (9.0, 0.4, 0.5, 4),
        "two classes": (2.2, 0.35, 1.0, 2),  # right in 86 %
        "good": (12.0, 0.3, 1.0, 10),
    }[name]
    confidence = np.sort(generator.beta(sharpness, spread, _CROWD))[::-1]
    risk = np.minimum(1.0, (1.0 - confidence) / trust)
    return Crowd(confidence, risk, generator.integers(classes, size=_CROWD))


def look(
    generator: np.random.Generator, of: Crowd, labels: int, *, budget: float, shares: float, level: float
) -> ThresholdSet:
    """Draw held-out records, have people, experts and the model answer them, and look for thresholds."""
    drawn = generator.integers(len(of.risk), size=labels)
    wrong = generator.random(labels) < of.risk[drawn]
    agrees = np.where(wrong, generator.random(labels) < shares, generator.random(labels) >= _SLIPS)
    names = [f"class {number:02}" for number in of.label[drawn]]
    confidence = of.confidence[drawn]
    seen = [Audited(float(one), True, label=name) for one, name in zip(confidence, names, strict=True)]
    share = check_share(None, how_often_given(seen, budget), error_budget=budget, level=level)
    checked = generator.random(labels) < share
    audited = [
        Audited(
            confidence=float(confidence[place]),
            right=bool(not wrong[place] or (agrees[place] and not checked[place])),
            label=names[place],
            check=Check.KNOWN if not agrees[place] else Check.CHECKED if checked[place] else Check.UNDRAWN,
        )
        for place in range(labels)
    ]
    return choose_thresholds(audited, sorted(set(names)), error_budget=budget, level=level, share=share)


def accepted(of: Crowd, found: ThresholdSet) -> NDArray[np.bool_]:
    values = found.values
    names = [f"class {number:02}" for number in range(int(of.label.max()) + 1)]
    from_value = np.array([np.inf if (value := values.get(name)) is None else value for name in names])
    return of.confidence >= from_value[of.label]


def breaks(of: Crowd, found: ThresholdSet, budget: float) -> bool:
    taken = accepted(of, found)
    return bool(taken.any()) and float(of.risk[taken].mean()) > budget


@pytest.mark.parametrize("shares", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("labels", "budget"), [(600, 0.05), (2000, 0.05)])
def test_the_budget_is_kept_where_any_answer_would_break_it(labels: int, budget: float, shares: float) -> None:
    """The worst case of a fixed sequence: all answers are a little worse than the budget, whatever their confidence.

    A look may break the promise in 3.5 % of projects. At a risk a tenth above the budget it should in less.
    """
    projects = 100 * _TIMES
    generator = np.random.default_rng([labels, round(shares * 10)])
    flat = Crowd(np.linspace(1.0, 0.6, _CROWD), np.full(_CROWD, 1.1 * budget), np.zeros(_CROWD, np.int64))
    broken = sum(
        breaks(flat, look(generator, flat, labels, budget=budget, shares=shares, level=level_of_look(1)), budget)
        for _ in range(projects)
    )
    assert broken <= 0.05 * projects


@pytest.mark.parametrize("shares", [0.3, 1.0])
def test_the_budget_is_kept_over_ten_versions_together(shares: float) -> None:
    """Each version is looked at on labels of its own, which is the worst case: on the same ones versions err alike.

    Every second one is good: a look of which every step passes leaves its risk to the next.
    """
    budget, projects = 0.05, 60 * _TIMES
    generator = np.random.default_rng([7, round(shares * 10)])
    flat = Crowd(np.linspace(1.0, 0.6, _CROWD), np.full(_CROWD, 1.1 * budget), np.zeros(_CROWD, np.int64))
    good = Crowd(flat.confidence, np.full(_CROWD, 0.004), flat.label)
    broken = 0
    for _ in range(projects):
        returned, any_broken = 0.0, False
        for version in range(10):
            of = good if version % 2 == 0 else flat
            level = level_of_look(version + 1, returned=returned)
            found = look(generator, of, 400, budget=budget, shares=shares, level=level)
            returned = found.returned
            any_broken |= breaks(of, found, budget)
        broken += any_broken
    assert broken <= 0.07 * projects, "5 %, and noise of sixty projects"


@pytest.mark.parametrize(
    ("name", "labels", "budget", "shares", "at_least"),
    [
        ("many classes", 2000, 0.05, 0.0, 0.8),
        ("many classes", 2000, 0.05, 0.3, 0.75),
        ("overconfident", 2000, 0.05, 0.3, 0.8),
        ("two classes", 2000, 0.05, 0.3, 0.8),
        ("good", 2000, 0.02, 0.3, 0.8),
        ("two classes", 2000, 0.02, 0.0, 0.7),
        ("two classes", 2000, 0.02, 0.3, 0.6),
        ("many classes", 600, 0.05, 0.3, 0.5),
        ("overconfident", 600, 0.05, 0.3, 0.6),
        ("two classes", 600, 0.05, 0.3, 0.6),
        ("good", 600, 0.02, 0.3, 0.6),
        ("two classes", 600, 0.02, 0.3, 0.25),  # a test of known labels at the best of all places alone reaches .25
    ],
)
def test_the_share_of_what_the_oracle_accepts(
    name: str, labels: int, budget: float, shares: float, at_least: float
) -> None:
    of, projects = crowd(name), 20 * _TIMES
    generator = np.random.default_rng([labels, round(shares * 10)])
    coverage, broken = 0.0, 0
    for _ in range(projects):
        found = look(generator, of, labels, budget=budget, shares=shares, level=level_of_look(1))
        coverage += float(accepted(of, found).mean()) / projects
        broken += breaks(of, found, budget)
    reached = coverage / of.oracle(budget)
    assert reached >= at_least, f"of the oracle's {of.oracle(budget):.2f}"
    assert broken <= max(2, 0.05 * projects)


def test_without_expert_checks_shared_mistakes_break_the_promise() -> None:
    """Why agreements are checked: where people share a third of the mistakes, their labels alone hide a third of the risk."""
    budget, generator, broken, projects = 0.05, np.random.default_rng(2), 0, 60
    of = crowd("two classes")
    for _ in range(projects):
        drawn = generator.integers(len(of.risk), size=2000)
        hidden: Sequence[bool] = (generator.random(2000) < 0.7 * of.risk[drawn]).tolist()
        audited = [
            Audited(float(one), not wrong, label=f"class {name:02}")
            for one, wrong, name in zip(of.confidence[drawn], hidden, of.label[drawn], strict=True)
        ]
        found = choose_thresholds(audited, ["class 00", "class 01"], error_budget=budget, level=level_of_look(1))
        broken += breaks(of, found, budget)
    assert broken > 0.1 * projects
