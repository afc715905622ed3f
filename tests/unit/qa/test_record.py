"""Where a record stands."""

from uuid import UUID

import pytest

from services.qa.domain.record import OpenReason, Record
from shared.contracts.events import RecordRouted
from shared.contracts.values import RecordState, Route, Split, TaskKind
from shared.kit.clock import new_id


def record(**known: object) -> Record:
    return Record(new_id(), new_id(), **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "total"),
    [
        ({}, 0),
        ({"routed_round": 1, "routed_total": 2}, 2),
        ({"routed_round": 1, "routed_total": 2, "requested_total": 3}, 3),
        ({"routed_round": 1, "routed_total": 2, "round": 2}, 0),
        ({"routed_round": 1, "routed_total": 2, "round": 2, "requested_total": 1}, 1),
    ],
)
def test_the_larger_target_of_the_present_round_holds(known: dict[str, object], total: int) -> None:
    assert record(**known).slots_total == total


@pytest.mark.parametrize(
    ("known", "alone"),
    [
        ({"split": Split.TRAIN}, False),
        ({"split": Split.TEST}, True),
        ({"split": Split.TRAIN, "audit": True}, True),
        ({"split": Split.TRAIN, "round": 2}, True),
    ],
)
def test_no_model_speaks_where_models_are_measured_or_may_have_learnt(known: dict[str, object], alone: bool) -> None:
    assert record(**known).by_people_alone is alone


@pytest.mark.parametrize(
    ("state", "under_review", "expects"),
    [
        (RecordState.OPEN, False, True),
        (RecordState.UNLABELABLE, False, True),
        (RecordState.FINALIZED, False, False),
        (RecordState.FINALIZED, True, True),
        (RecordState.GOLD, False, False),
        (RecordState.ERASED, False, False),
    ],
)
def test_answers_are_expected_until_the_record_has_ended(state: RecordState, under_review: bool, expects: bool) -> None:
    assert record(state=state, under_review=under_review).expects_answers is expects


def test_a_new_round_voids_what_was_asked_of_the_one_before() -> None:
    one = record(arbitrating=True, unservable=True, request={"type": "ArbitrationRequested"}, requested_total=4)
    one.open_round(2, is_final=True, requested_total=1)
    assert (one.round, one.round_is_final, one.slots_total) == (2, True, 1)
    assert (one.arbitrating, one.unservable, one.request) == (False, False, None)


def test_only_the_first_round_is_accepted_unseen() -> None:
    known: dict[str, object] = {"route": Route.AUTO_ACCEPT, "routed_round": 1}
    assert record(**known).auto_accepted
    assert not record(**known, round=2).auto_accepted


def routed(slots_total: int, *, model_id: UUID | None = None, number: int = 1) -> RecordRouted:
    return RecordRouted(
        route=Route.PEOPLE,
        task_kind=TaskKind.ANNOTATION,
        task_id=new_id(),
        round=number,
        slots_total=slots_total,
        schema_version=1,
        guideline_version=1,
        policy_version=1,
        model_id=model_id,
        prediction_id=None,
        threshold=None,
        audit=False,
        blind=False,
        explored=False,
        selection_probability=1.0,
    )


def test_answers_are_due_until_qa_has_requested_any() -> None:
    one = record()
    one.take_route(1, routed(2))
    assert (one.due_total, one.due_without_model) == (2, True)
    one.take_route(2, routed(1, model_id=new_id()))
    assert (one.due_total, one.due_without_model) == (1, False)
    one.take_route(3, routed(2))
    one.requested_total = 3
    one.take_route(4, routed(3))
    assert (one.due_total, one.due_without_model) == (2, True)
    one.open_round(2, is_final=False, requested_total=0)
    one.take_route(5, routed(5, number=2))
    assert one.due_total == 2


ROUTED = {"route": Route.PEOPLE, "routed_round": 1, "routed_total": 2}


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({}, OpenReason.NOT_ROUTED),
        (ROUTED, OpenReason.ANNOTATIONS_WANTED),
        (ROUTED | {"verdict_pending": True}, OpenReason.BEING_DECIDED),
        (ROUTED | {"arbitrating": True}, OpenReason.IN_ARBITRATION),
        ({"route": Route.AUTO_ACCEPT, "routed_round": 1}, OpenReason.BEING_DECIDED),
        (ROUTED | {"state": RecordState.FINALIZED}, None),
        (
            ROUTED | {"state": RecordState.FINALIZED, "under_review": True, "round": 2, "requested_total": 1},
            OpenReason.ANNOTATIONS_WANTED,
        ),
        (ROUTED | {"state": RecordState.UNLABELABLE}, None),
        (ROUTED | {"state": RecordState.GOLD}, None),
        ({"state": RecordState.ERASED}, None),
    ],
)
def test_why_a_record_has_not_ended(known: dict[str, object], reason: OpenReason | None) -> None:
    assert record(**known).open_reason is reason
