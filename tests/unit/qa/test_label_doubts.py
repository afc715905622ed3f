"""Labels that look wrong to models, beside people's votes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.qa.domain.label_doubts import doubt_with_votes, may_be_sent, next_review, vote_confidence
from services.qa.domain.record import Record
from shared.contracts.values import LabelMethod, RecordState, Split
from shared.kit.clock import new_id

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def test_votes_that_are_surer_than_usual_lower_the_doubt_and_less_sure_ones_raise_it() -> None:
    usual = doubt_with_votes(0.6, 0.05, 0.95)
    assert usual == pytest.approx(0.6)
    assert doubt_with_votes(0.6, 0.05, 0.99) < usual < doubt_with_votes(0.6, 0.05, 0.7)
    assert doubt_with_votes(0.6, 0.05, None) == 0.6


def test_no_votes_make_a_doubt_certain_or_impossible() -> None:
    assert 0.5 < doubt_with_votes(0.95, 0.05, 1.0) < 0.95
    assert 0.0 < doubt_with_votes(0.0, 0.0, 1.0) < 0.01
    assert 0.99 < doubt_with_votes(1.0, 1.0, 0.0) < 1.0


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"questions": {"topic": {"confidence": 0.9}}, "model_as_prior": None}, 0.9),
        ({"questions": {"topic": {"confidence": 0.9}}, "model_as_prior": "a model"}, None),
        ({"questions": {"other": {"confidence": 0.9}}}, None),
        ({"by": "model"}, None),
    ],
)
def test_only_votes_of_people_alone_speak_for_a_label(parameters: dict[str, Any], found: float | None) -> None:
    assert vote_confidence(parameters, "topic") == found


@pytest.mark.parametrize(
    ("known", "method", "sent"),
    [
        ({}, LabelMethod.CONSENSUS, True),
        ({}, LabelMethod.AUTO_ACCEPT, True),
        ({}, LabelMethod.DECISION, False),
        ({"under_review": True}, LabelMethod.CONSENSUS, False),
        ({"split": Split.TEST}, LabelMethod.CONSENSUS, False),
        ({"state": RecordState.GOLD}, LabelMethod.CONSENSUS, False),
    ],
)
def test_which_labels_may_be_labelled_again(known: dict[str, Any], method: LabelMethod, sent: bool) -> None:
    record = Record(new_id(), new_id(), **{"state": RecordState.FINALIZED, "split": Split.TRAIN, **known})
    assert may_be_sent(record, method) is sent


def test_the_day_ends_when_the_first_of_its_labels_was_sent_a_day_ago() -> None:
    oldest = NOW - timedelta(hours=20)
    assert next_review(3, oldest, 3, NOW) == NOW + timedelta(hours=4)
    assert next_review(2, oldest, 3, NOW) == NOW
