"""What the facts of a record lead to."""

from dataclasses import replace
from typing import Any

import pytest

from services.qa.domain.decisions import Relabel
from services.qa.domain.facts import (
    Annotation,
    AnnotationRole,
    ArbitrationChange,
    CurrentLabel,
    Dispute,
    Prediction,
    RecordFacts,
    Report,
)
from services.qa.domain.record import Record
from services.qa.domain.verdict import (
    FinalizeLabel,
    GiveUp,
    RecordReport,
    RepeatArbitration,
    RequestAnnotations,
    RequestArbitration,
    ReviewByArbiter,
    ReviewByPeople,
    VoidVotes,
    WithdrawDispute,
    is_heavy,
    judge,
    set_aside,
)
from shared.contracts.answers import LabelSchema
from shared.contracts.policies import RedundancyPolicy
from shared.contracts.values import LabelMethod, RecordState, Route, Split, TaskKind
from shared.kit.clock import new_id, utc_now

LABELS = ["cat", "dog", "bird", "fish"]
SCHEMA = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [
            {"name": "animal", "kind": "choice", "labels": LABELS, "required": False},
            {"name": "names", "kind": "spans", "field": "text", "labels": ["PER"], "required": False},
        ],
    }
)


def animal(label: str) -> dict[str, Any]:
    return {"animal": {"label": label}}


def spans(count: int) -> dict[str, Any]:
    return {"names": {"spans": [{"start": at * 4, "end": at * 4 + 3, "label": "PER"} for at in range(count)]}}


def given(answers: str | dict[str, Any], role: AnnotationRole = "vote", **more: Any) -> Annotation:
    return Annotation(
        annotation_id=new_id(),
        annotation_revision=1,
        annotator_id=new_id(),
        role=role,
        round=1,
        task_id=new_id(),
        task_kind=TaskKind.ARBITRATION if role == "decision" else TaskKind.ANNOTATION,
        answers=animal(answers) if isinstance(answers, str) else answers,
        schema_version=1,
        guideline_version=more.pop("guideline_version", 1),
        paused=more.pop("paused", False),
        era=0,
    )


def predicted(label: str = "cat", confidence: float = 0.95, *, with_model: bool = True) -> Prediction:
    rest = (1.0 - confidence) / 3
    return Prediction(
        prediction_id=new_id(),
        model_id=new_id() if with_model else None,
        schema_version=1,
        answers=animal(label),
        confidence=confidence,
        distributions={"animal": {one: confidence if one == label else rest for one in LABELS}},
        predicted_at=utc_now(),
    )


def record(**more: Any) -> Record:
    known: dict[str, Any] = {"known": True, "split": Split.TRAIN, "route": Route.PEOPLE, "routed_round": 1}
    return Record(new_id(), new_id(), **{**known, "routed_total": 2, "schema_version": 1, **more})


def facts(*annotations: Annotation, record_: Record | None = None, **more: Any) -> RecordFacts:
    return RecordFacts(
        record=record_ or record(),
        schemas={1: SCHEMA},
        policy=RedundancyPolicy(posterior_target=0.9),
        annotations=annotations,
        **more,
    )


UNSERVABLE = ArbitrationChange(servable=False, reason="no_skill", at=utc_now())
SERVABLE = ArbitrationChange(servable=True, reason="", at=utc_now())


@pytest.mark.parametrize(
    "without",
    [
        {"known": False},
        {"state": RecordState.GOLD},
        {"state": RecordState.ERASED},
        {"state": RecordState.FINALIZED},
        {"routed_round": 0, "routed_total": 0},
        {"routed_total": 3},
    ],
)
def test_nothing_is_done_to_what_is_not_known_not_routed_not_full_or_over(without: dict[str, Any]) -> None:
    assert judge(facts(given("cat"), given("cat"), record_=record(**without))) == []


def test_votes_that_agree_make_a_label() -> None:
    votes = (given("cat"), given("cat", guideline_version=2))
    [final] = judge(facts(*votes))
    assert isinstance(final, FinalizeLabel)
    assert (final.method, final.answers, final.guideline_version) == (LabelMethod.CONSENSUS, animal("cat"), 2)
    assert final.counted == [one.annotation_id for one in votes]


def test_votes_that_differ_ask_for_one_more() -> None:
    assert judge(facts(given("cat"), given("dog"))) == [RequestAnnotations(3, "tie")]


def test_with_none_left_to_ask_an_arbiter_decides() -> None:
    votes = [given(label) for label in ("cat", "dog", "bird", "fish", "cat")]
    [step] = judge(facts(*votes, record_=record(routed_total=5)))
    assert step == RequestArbitration([one.answers for one in votes], "unsure")


def test_the_models_answer_stands_as_soon_as_it_is_here() -> None:
    prediction = predicted()
    routed = record(route=Route.AUTO_ACCEPT, routed_total=0, routed_prediction_id=prediction.prediction_id)
    assert judge(facts(record_=routed)) == []
    [final] = judge(facts(record_=routed, prediction=prediction))
    assert isinstance(final, FinalizeLabel)
    assert (final.method, final.model_id) == (LabelMethod.AUTO_ACCEPT, prediction.model_id)


def test_one_vote_and_a_sure_model_make_a_label_once_the_prediction_is_here() -> None:
    prediction = predicted()
    routed = record(routed_total=1, routed_prediction_id=prediction.prediction_id)
    assert judge(facts(given("cat"), record_=routed)) == []
    [final] = judge(facts(given("cat"), record_=routed, prediction=prediction))
    assert isinstance(final, FinalizeLabel)
    assert final.prediction_id == prediction.prediction_id


@pytest.mark.parametrize("alone", [{"split": Split.TEST}, {"audit": True}, {"round": 2, "requested_total": 1}])
def test_no_model_speaks_where_people_decide_alone(alone: dict[str, Any]) -> None:
    prediction = predicted()
    routed = record(**{"routed_total": 1, "routed_prediction_id": prediction.prediction_id, **alone})
    assert judge(facts(given("cat"), record_=routed, prediction=prediction)) == [RequestAnnotations(2, "unsure")]


def test_an_experts_first_answer_is_final() -> None:
    vote = given("dog")
    [final] = judge(facts(vote, record_=record(round_is_final=True, routed_total=5, review_reason="champion_differs")))
    assert isinstance(final, FinalizeLabel)
    assert (final.method, final.counted) == (LabelMethod.DECISION, [vote.annotation_id])
    assert final.parameters == {"by": "expert", "reason": "champion_differs"}


def test_a_paused_annotators_vote_is_voided_and_its_slot_replaced() -> None:
    paused, other = given("cat", paused=True), given("cat")
    assert judge(facts(paused, other)) == [VoidVotes([paused]), RequestAnnotations(3, "annotator_paused")]
    assert judge(facts(given("cat", role="void"), other, record_=record(requested_total=3))) == []


def test_one_more_is_requested_on_top_of_what_replaces_the_paused() -> None:
    """Not twice: the larger target holds what the smaller asks for."""
    paused = given("cat", paused=True)
    steps = judge(facts(paused, given("cat"), given("dog"), record_=record(routed_total=2)))
    assert steps == [VoidVotes([paused]), RequestAnnotations(4, "tie")]


def test_what_nobody_may_serve_goes_to_an_arbiter_and_without_one_it_is_given_up() -> None:
    vote = given("cat")
    assert judge(facts(vote, record_=record(unservable=True))) == [RequestArbitration([vote.answers], "unservable")]
    arbitrating = record(unservable=True, arbitrating=True)
    assert judge(facts(vote, record_=arbitrating)) == []
    assert judge(facts(vote, record_=arbitrating, arbitration=UNSERVABLE)) == [GiveUp("no_skill", UNSERVABLE.at)]


@pytest.mark.parametrize("state", [RecordState.UNLABELABLE, RecordState.FINALIZED])
def test_what_was_given_up_waits_for_an_arbiter(state: RecordState) -> None:
    """Also a label under review: whatever else comes of the record."""
    given_up = record(
        unservable=True, unservable_at=utc_now(), state=state, under_review=state is RecordState.FINALIZED
    )
    report = Report(new_id(), animal("dog"), 1)
    assert judge(facts(given("cat"), given("cat"), record_=given_up, reports=[report])) == []
    dispute = Dispute(1, "unservable", [animal("cat")])
    assert judge(facts(record_=given_up, arbitration=SERVABLE, dispute=dispute)) == [RepeatArbitration(dispute)]


@pytest.mark.parametrize(
    ("more", "arbitration"),
    [({"arbitrating": True}, UNSERVABLE), ({"unservable_at": utc_now(), "state": RecordState.UNLABELABLE}, None)],
)
def test_without_an_arbiter_people_go_on_when_somebody_may_annotate(
    more: dict[str, Any], arbitration: ArbitrationChange | None
) -> None:
    one = record(unservable=True, servable_again=True, **more)
    steps = judge(facts(given("cat"), record_=one, arbitration=arbitration))
    assert steps == [WithdrawDispute(), RequestAnnotations(2, "servable_again")]


def test_an_arbiters_decision_ends_the_round_whatever_was_asked() -> None:
    vote, decision = given("cat"), given("dog", role="decision")
    [final] = judge(facts(vote, decision, record_=record(unservable=True, arbitrating=True)))
    assert isinstance(final, FinalizeLabel)
    assert (final.method, final.answers) == (LabelMethod.DECISION, animal("dog"))
    assert (final.decision_id, final.final_for) == (decision.annotation_id, None)


LABEL = CurrentLabel(1, 1, animal("cat"))


def finalized(**more: Any) -> Record:
    return record(state=RecordState.FINALIZED, label_revision=1, **more)


def test_reports_have_their_effect_up_to_the_first_that_opens_a_review() -> None:
    agrees, other_schema, differs, late = (
        Report(new_id(), animal(label), version) for label, version in (("cat", 1), ("dog", 2), ("dog", 1), ("bird", 1))
    )
    steps = judge(facts(record_=finalized(), label=LABEL, reports=[agrees, other_schema, differs, late]))
    assert steps == [
        RecordReport(agrees.feedback_id, "agrees_or_decided", 1),
        RecordReport(other_schema.feedback_id, "other_schema", 1),
        RecordReport(differs.feedback_id, "relabel_requested", 1),
        ReviewByPeople(Relabel(2, experts_only=False, blind=True, reason="contradicted_by_feedback"), "feedback"),
    ]


def test_a_second_contrary_report_goes_to_an_arbiter_whose_decision_is_final() -> None:
    report = Report(new_id(), animal("dog"), 1)
    once = facts(record_=finalized(contrary_reports=1), label=LABEL, reports=[report])
    assert judge(once)[-1] == ReviewByArbiter([animal("cat"), animal("dog")], "contradicted_again")
    decided = facts(record_=finalized(contrary_reports=2, decision_final_for=1), label=LABEL, reports=[report])
    assert judge(decided) == [RecordReport(report.feedback_id, "agrees_or_decided", 1)]


def test_a_report_that_waited_is_held_against_the_label_that_is_made_now() -> None:
    report = Report(new_id(), animal("dog"), 1)
    final, noted, review = judge(facts(given("cat"), given("cat"), reports=[report]))
    assert isinstance(final, FinalizeLabel)
    assert noted == RecordReport(report.feedback_id, "relabel_requested", 1)
    assert isinstance(review, ReviewByPeople)


def test_only_the_comparison_of_many_parts_is_heavy() -> None:
    assert not is_heavy(facts(given("cat"), given("cat")))
    assert not is_heavy(facts(given(spans(3)), given(spans(3))))
    assert is_heavy(facts(given(spans(40)), given(spans(40))))
    assert not is_heavy(facts(given(spans(80)))), "the round is not full: nothing is compared"
    large = CurrentLabel(1, 1, spans(40))
    report = Report(new_id(), spans(40), 1)
    assert is_heavy(facts(record_=finalized(), label=large, reports=[report]))


def test_what_can_not_be_computed_is_decided_by_an_arbiter() -> None:
    votes = [given(spans(40)), given(spans(40))]
    assert set_aside(facts(*votes)) == [RequestArbitration([one.answers for one in votes], "consensus_failed")]


def test_a_report_that_can_not_be_compared_has_no_effect_and_keeps_the_reason() -> None:
    report = Report(new_id(), spans(40), 1)
    uncompared = facts(record_=finalized(), label=CurrentLabel(1, 1, spans(40)), reports=[report])
    assert set_aside(uncompared) == [RecordReport(report.feedback_id, "comparison_failed", 1)]
    decided = facts(given("cat", role="decision"), record_=record(arbitrating=True), reports=[report])
    assert [type(one) for one in set_aside(decided)] == [FinalizeLabel, RecordReport]


def test_the_same_facts_lead_to_the_same_verdict_and_are_not_changed() -> None:
    whole = facts(given("cat"), given("cat", paused=True), given("dog"))
    before = replace(whole.record)
    assert judge(whole) == judge(whole)
    assert whole.record == before


def test_votes_that_were_too_few_are_weighed_again_while_another_is_waited_for() -> None:
    votes = (given("cat"), given("cat"))
    waiting = record(routed_total=3, requested_total=3, due_total=2)
    assert judge(facts(*votes, record_=waiting)) == []
    [final] = judge(facts(*votes, record_=waiting, decide_again=True))
    assert isinstance(final, FinalizeLabel)
    assert final.counted == [one.annotation_id for one in votes]


@pytest.mark.parametrize(
    ("labels", "more"),
    [
        (("cat", "dog"), {}),  # still unsure: the vote that is waited for is still wanted
        (("cat",), {}),  # one that was due is missing
        (("cat", "cat"), {"round": 2, "routed_round": 2}),
    ],
)
def test_what_is_still_unsure_or_due_waits_on(labels: tuple[str, ...], more: dict[str, Any]) -> None:
    waiting = record(**{"routed_total": 3, "requested_total": 3, "due_total": 2, **more})
    assert judge(facts(*map(given, labels), record_=waiting, decide_again=True)) == []
