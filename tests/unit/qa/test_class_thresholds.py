"""A threshold of each class, only on evidence."""

from collections.abc import Mapping

import pytest

from services.qa.domain.auto_accept import Audited, upper_bound
from services.qa.domain.class_thresholds import (
    ClassOutcome,
    Label,
    ThresholdSet,
    accepted,
    choose_thresholds,
    divide,
    level_of_group,
)

BUDGET, LEVEL = 0.02, 0.95


def answers(label: str | None, right: int, wrong: int = 0, *, least: float = 0.9) -> list[Audited]:
    """Held-out answers of a class, spread evenly from `least` to 1, the wrong ones among the right."""
    count = right + wrong
    every = count // wrong if wrong else count + 1
    return [
        Audited(1.0 - (1.0 - least) * place / count, (place + 1) % every != 0 or place >= wrong * every, label=label)
        for place in range(count)
    ]


def chosen(audited: list[Audited], labels: tuple[Label, ...] = ()) -> ThresholdSet:
    return choose_thresholds(audited, labels, error_budget=BUDGET, level=LEVEL)


def outcomes(found: ThresholdSet) -> dict[Label, ClassOutcome]:
    return {one.label: one.outcome for one in found.classes}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"a": 300}, [("a",)]),
        ({"a": 150, "b": 150}, [("a", "b")]),  # neither can be tested alone
        ({"a": 300, "b": 300}, [("a",), ("b",)]),
        ({"a": 900, "b": 200, "c": 200}, [("a",), ("b", "c")]),
        ({"a": 400, "b": 60}, [("a", "b")]),  # alone, b would never be tested
        ({"a": 400, "b": 3}, [("a",)]),  # hardly ever given
        ({"a": 100}, []),
        ({}, []),
    ],
)
def test_classes_are_divided_as_finely_as_can_be_tested(
    given: Mapping[Label, int], expected: list[tuple[str, ...]]
) -> None:
    assert divide(given, error_budget=BUDGET, level=LEVEL) == expected


def test_groups_share_the_risk() -> None:
    assert 4 * (1 - level_of_group(4, LEVEL)) <= 1 - LEVEL
    assert level_of_group(1, LEVEL) == pytest.approx(LEVEL, abs=1e-3)


def test_each_class_that_can_be_tested_alone_has_a_threshold_of_its_own() -> None:
    found = chosen([*answers("sure", 400), *answers("unsure", 350, 40), *answers("rare", 4)])
    assert outcomes(found) == {
        "sure": ClassOutcome.PASSED,
        "unsure": ClassOutcome.NOTHING_PASSES,
        "rare": ClassOutcome.TOO_FEW,
    }
    assert found.values["sure"] == pytest.approx(0.9, abs=0.001)
    assert found.values["unsure"] is found.values["rare"] is None
    assert [group.labels for group in found.groups] == [("sure",), ("unsure",), ("sure", "unsure")]


def test_an_easy_crowd_does_not_pay_for_another_class() -> None:
    """All answers together would be within the budget."""
    crowd, other = answers("crowd", 3000), answers("other", 280, 20)
    assert upper_bound(20, 3300) < BUDGET
    found = chosen([*crowd, *other])
    assert found.values["crowd"] is not None
    assert found.values["other"] is None


def test_classes_that_can_only_be_tested_together_have_one_threshold() -> None:
    found = chosen([*answers("a", 150), *answers("b", 150)])
    (group,) = found.groups
    assert group.labels == ("a", "b")
    assert group.found is not None
    assert (group.found.tested, group.found.errors) == (300, 0)
    assert found.values["a"] == found.values["b"] == group.found.value
    assert [(one.counts.tested, one.counts.wrong) for one in found.classes] == [(150, 0), (150, 0)]


def test_a_class_whose_own_labels_speak_against_it_is_taken_out_of_its_group() -> None:
    """500 answers of many classes pass with 2 errors or so; that all of these are of one class is no chance."""
    others = [answer for number in range(20) for answer in answers(f"class {number:02}", 100)]
    found = chosen([*others, *answers("bad", 22, 10)])
    assert outcomes(found)["bad"] is ClassOutcome.EXCEEDS_BUDGET
    assert found.values["class 00"] is not None
    assert found.values["bad"] is None


def test_a_class_that_was_never_given_has_no_threshold() -> None:
    found = chosen(answers("a", 400), ("a", "b"))
    assert outcomes(found) == {"a": ClassOutcome.PASSED, "b": ClassOutcome.TOO_FEW}


def test_answers_without_classes_are_one_class() -> None:
    found = chosen(answers(None, 400), (None,))
    assert found.values[None] == pytest.approx(0.9, abs=0.001)


def test_without_evidence_nothing_is_accepted() -> None:
    assert outcomes(chosen([], ("a",))) == {"a": ClassOutcome.TOO_FEW}
    assert outcomes(chosen(answers("a", 100), ("a",))) == {"a": ClassOutcome.NOTHING_PASSES}


def test_what_is_accepted_goes_by_the_class() -> None:
    held_out = [*answers("a", 10), *answers("b", 10), *answers("c", 10)]
    assert accepted(held_out, {"a": 0.0, "b": None, None: 0.0}) == 20
    assert accepted(held_out, {"a": 0.95}) == 6
