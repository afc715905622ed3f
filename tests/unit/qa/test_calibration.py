"""Posteriors that say how often they are right."""

import json
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from services.qa.compute.estimation import EstimationWindow, WindowAnnotation, WindowRecord, estimate
from services.qa.domain import kinds
from services.qa.domain.calibration import DEFAULT, EXPONENTS, PRIOR, TEMPERATURES, Calibration
from services.qa.domain.calibration_evidence import worth_of_checks
from services.qa.domain.consensus_methods import Method, MethodSelection
from services.qa.domain.estimate_changes import moved
from services.qa.domain.estimates import Estimates
from services.qa.domain.stored_estimates import StoredEstimates
from services.qa.domain.votes import ItemVotes, TruthBasis, Vote
from shared.contracts.answers import LabelSchema
from shared.contracts.answers.kinds.choice import ChoiceQuestion
from shared.contracts.values import Calibrated

LABELS = ["a", "b", "c"]
CHOICE = kinds.of(ChoiceQuestion(name="q", kind="choice", labels=LABELS))


def crowd(
    seed: int, hard: float, *, size: int = 400, gold: int = 60, basis: TruthBasis = TruthBasis.GOLD
) -> tuple[list[ItemVotes], list[str]]:
    """Twelve people right in .85; on `hard` of the records a wrong answer tempts nine of ten. Four votes, gold has eight."""
    generator = np.random.default_rng(seed)
    items, truths = [], []
    for number in range(size):
        truth = int(generator.integers(3))
        tempting = (truth + 1) % 3 if generator.random() < hard else None
        voters = generator.choice(12, 8 if number < gold else 4, replace=False)
        given = []
        for who in voters:
            if tempting is not None:
                answer = tempting if generator.random() < 0.9 else truth
            else:
                answer = truth if generator.random() < 0.85 else int(generator.integers(3))
            given.append(Vote(f"p{who}", {"label": LABELS[answer]}))
        known = number < gold
        items.append(
            ItemVotes(given, truth={"label": LABELS[truth]} if known else None, basis=basis if known else None)
        )
        truths.append(LABELS[truth])
    return items, truths


def confidence_and_accuracy(items: Sequence[ItemVotes], truths: Sequence[str]) -> tuple[float, float]:
    known = CHOICE.estimate(items)
    found = [CHOICE.consensus(item.votes, known) for item in items if item.truth is None]
    right = [one.answer["label"] == truth for one, truth in zip(found, truths[-len(found) :], strict=True)]
    return float(np.mean([one.confidence for one in found])), float(np.mean(right))


def test_calibrated_chances_are_chances() -> None:
    chances = np.array([[0.98, 0.01, 0.01], [0.9999, 0.0001, 0.0], [0.4, 0.35, 0.25]])
    found = DEFAULT.apply_all(chances, np.array([2, 3, 3]))
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert (found[:2, 0] < chances[:2, 0]).all()
    assert found[2] == pytest.approx(DEFAULT.apply(chances[2], 3))


def test_what_a_model_says_by_itself_stays_as_it_is() -> None:
    """What the votes say is tempered, not what was known before."""
    model = np.array([0.7, 0.2, 0.1])
    for calibration in (DEFAULT, Calibration.of(PRIOR.weights())):
        assert calibration.apply(model, 3, np.log(model)) == pytest.approx(model)


def test_a_temperature_of_one_changes_nothing() -> None:
    mixture = np.zeros((len(TEMPERATURES), len(EXPONENTS)))
    mixture[int(np.abs(TEMPERATURES - 1.0).argmin()), 0] = 1.0
    chances = np.array([0.9, 0.06, 0.04])
    assert Calibration(mixture, 0.0).apply(chances, 5) == pytest.approx(chances)


def test_the_more_votes_the_less_each_counts() -> None:
    assert DEFAULT.rate(1) > DEFAULT.rate(2) > DEFAULT.rate(5)


def test_without_known_answers_the_default_is_used_and_said_to_be() -> None:
    items, _ = crowd(0, 0.1, gold=0)
    found = CHOICE.consensus(items[0].votes, CHOICE.estimate(items))
    assert found.calibrated is Calibrated.DEFAULT
    assert CHOICE.consensus(items[0].votes, CHOICE.unknown()).calibrated is Calibrated.DEFAULT


@pytest.mark.parametrize("hard", [0.0, 0.1, 0.2])
def test_gold_makes_confidence_true(hard: float) -> None:
    confidence, accuracy = np.mean([confidence_and_accuracy(*crowd(seed, hard)) for seed in range(4)], axis=0)
    assert confidence == pytest.approx(accuracy, abs=0.04)


def test_with_gold_the_label_says_so() -> None:
    items, _ = crowd(1, 0.1)
    found = CHOICE.consensus(items[-1].votes, CHOICE.estimate(items))
    assert found.calibrated is Calibrated.GOLD


def test_gold_that_is_always_right_makes_surer_than_gold_that_is_often_wrong() -> None:
    sure, unsure = (
        CHOICE.consensus(crowd(2, 0.0)[0][-1].votes, CHOICE.estimate(crowd(2, hard)[0])) for hard in (0.0, 0.25)
    )
    assert sure.confidence > unsure.confidence


def test_decisions_on_what_was_disputed_count_as_far_as_their_votes_went() -> None:
    """Disputes are decided whichever way they end, so they say how sure votes make; they are not gold."""
    items, _ = crowd(3, 0.0, basis=TruthBasis.DISPUTE)
    found = CHOICE.estimate(items)[""].calibration
    assert found.basis is Calibrated.DEFAULT
    assert found.known == 0.0
    assert not np.allclose(found.mixture, DEFAULT.mixture)


def test_an_arbiters_own_answer_is_no_vote_for_it() -> None:
    items, _ = crowd(4, 0.2, basis=TruthBasis.DISPUTE)
    decided = [
        item
        if item.truth is None
        else ItemVotes([*item.votes, Vote("arbiter", item.truth, counted=False)], truth=item.truth, basis=item.basis)
        for item in items
    ]
    with_own, without = (CHOICE.estimate(one)[""].calibration.rate(4) for one in (decided, items))
    assert with_own == pytest.approx(without, abs=0.05)


def test_what_is_known_because_a_vote_was_wrong_is_no_evidence() -> None:
    items, _ = crowd(5, 0.0)
    reported = [ItemVotes(item.votes, truth=item.truth) for item in items]
    assert CHOICE.estimate(reported)[""].calibration is DEFAULT


def test_checks_count_by_the_share_of_their_kind_that_was_checked() -> None:
    assert worth_of_checks(held_out=100, differs=10, drawn=5) == {TruthBasis.DIFFERS: 0.0, TruthBasis.DRAWN: 0.0}
    worth = worth_of_checks(held_out=100, differs=10, drawn=90)
    assert worth == pytest.approx({TruthBasis.DIFFERS: 1.0, TruthBasis.DRAWN: 1.0})
    worth = worth_of_checks(held_out=100, differs=10, drawn=30)
    assert worth[TruthBasis.DRAWN] == pytest.approx(3 * worth[TruthBasis.DIFFERS])
    assert 10 * worth[TruthBasis.DIFFERS] + 30 * worth[TruthBasis.DRAWN] < 40


def test_a_calibration_is_kept_and_read() -> None:
    items, _ = crowd(6, 0.1)
    known = CHOICE.estimate(items)
    parts = CHOICE.to_stored(known)
    read = CHOICE.from_stored(StoredEstimates(*json.loads(json.dumps([parts.shared, parts.voters]))))
    one, other = (CHOICE.consensus(items[-1].votes, of) for of in (known, read))
    assert one.confidence == pytest.approx(other.confidence, abs=1e-4)
    assert other.calibrated is Calibrated.GOLD


def test_what_was_stored_before_is_calibrated_by_default() -> None:
    stored = Estimates.unknown(LABELS).to_json()
    del stored["calibration"]
    assert Estimates.from_json(stored).calibration is DEFAULT


def window_of(basis: TruthBasis | None, *, expert_last: bool = False) -> EstimationWindow:
    """Forty records that three people answer alike, all of which end as `basis` says; the last person may be an expert."""
    people = [UUID(int=number + 1) for number in range(4 if expert_last else 3)]
    truth = '{"q": {"label": "a"}}'
    given = [
        WindowAnnotation(record, who, '{"q": {"label": "b"}}' if who == 3 else truth, record * 10 + who, False, 0)
        for record in range(40)
        for who in range(len(people))
    ]
    records = [WindowRecord(truth=truth, is_gold=basis is TruthBasis.GOLD, closed=True, basis=basis)] * 40
    schema = LabelSchema.model_validate(
        {
            "fields": [{"name": "text", "kind": "text"}],
            "questions": [{"name": "q", "kind": "choice", "labels": LABELS}],
        }
    )
    return EstimationWindow(schema, given, records, people, frozenset(people[3:]))


def calibration_of(window: EstimationWindow) -> Calibration:
    found: Calibration = CHOICE.from_stored(estimate(window).estimates["q"])[""].calibration
    return found


def test_a_window_says_how_each_truth_came_to_be_known() -> None:
    assert calibration_of(window_of(TruthBasis.GOLD)).basis is Calibrated.GOLD
    assert calibration_of(window_of(TruthBasis.DISPUTE)).basis is Calibrated.DEFAULT
    assert np.allclose(calibration_of(window_of(None)).mixture, DEFAULT.mixture)


def test_an_experts_answer_to_a_record_that_an_expert_decided_is_no_evidence() -> None:
    with_expert, without = (calibration_of(window_of(TruthBasis.DISPUTE, expert_last=one)) for one in (True, False))
    assert with_expert.rate(3) == pytest.approx(without.rate(3), rel=0.1)


def test_open_records_are_decided_again_when_what_holds_for_everybody_changed() -> None:
    unknown = CHOICE.unknown()
    before = unknown[""]
    assert not moved(unknown, {"": replace(before, pool_accuracy=before.pool_accuracy + 0.01)})
    assert moved(unknown, {"": replace(before, pool_accuracy=before.pool_accuracy + 0.03)})
    assert moved(unknown, {"": replace(before, class_prior=np.array([0.5, 0.25, 0.25]))})
    assert moved(unknown, {"": replace(before, calibration=Calibration.of(PRIOR.weights()))})
    assert moved(unknown, {"": replace(before, selection=MethodSelection(Method.ONE_COIN))})
