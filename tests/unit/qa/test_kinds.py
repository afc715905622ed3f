"""Distance, gold hit and consensus of each kind of question."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qa.domain import kinds
from services.qa.domain.votes import ItemVotes, Vote
from shared.contracts.answers.kinds.boxes import BoxAttribute, BoxesQuestion
from shared.contracts.answers.kinds.choice import ChoiceQuestion
from shared.contracts.answers.kinds.multi_choice import MultiChoiceQuestion
from shared.contracts.answers.kinds.spans import SpansQuestion

CHOICE = kinds.of(ChoiceQuestion(name="q", kind="choice", labels=["a", "b", "c"]))
MULTI = kinds.of(MultiChoiceQuestion(name="q", kind="multi_choice", labels=["a", "b", "c", "d"]))
SPANS = kinds.of(SpansQuestion(name="q", kind="spans", field="text", labels=["PER", "ORG"], relations=["works_for"]))
BOXES = kinds.of(
    BoxesQuestion(
        name="q",
        kind="boxes",
        field="image",
        labels=["car", "dog"],
        rotation=True,
        attributes=[BoxAttribute(name="colour", values=["red", "blue"])],
    )
)


def multi(*labels: str) -> dict[str, Any]:
    return {"labels": list(labels)}


def spans(*given_spans: tuple[int, int, str], relations: list[tuple[int, int, str]] | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = {"spans": [{"start": a, "end": b, "label": label} for a, b, label in given_spans]}
    if relations:
        answer["relations"] = [{"head": head, "tail": tail, "label": label} for head, tail, label in relations]
    return answer


def box(x: float, y: float, width: float, height: float, label: str = "car", **more: Any) -> dict[str, Any]:
    return {"x": x, "y": y, "width": width, "height": height, "label": label, **more}


def boxes(*given_boxes: dict[str, Any]) -> dict[str, Any]:
    return {"boxes": list(given_boxes)}


def votes(*answers: dict[str, Any]) -> list[Vote]:
    return [Vote(f"p{at}", answer) for at, answer in enumerate(answers)]


ANN = spans((0, 3, "PER"))


@pytest.mark.parametrize(
    ("kind", "one", "other", "expected"),
    [
        (CHOICE, {"label": "a"}, {"label": "a"}, 0.0),
        (CHOICE, {"label": "a"}, {"label": "b"}, 1.0),
        (MULTI, multi("a", "b"), multi("b", "a"), 0.0),
        (MULTI, multi(), multi(), 0.0),
        (MULTI, multi("a"), multi("a", "b"), 1 - 1 / 2 * 2 / 3),  # nested
        (MULTI, multi("a", "b"), multi("b", "c"), 1 - 1 / 3 * 1 / 3),  # crossing
        (MULTI, multi("a"), multi("b"), 1.0),
        (SPANS, ANN, ANN, 0.0),
        (SPANS, spans(), spans(), 0.0),
        (SPANS, ANN, spans(), 1.0),
        (SPANS, ANN, spans((0, 3, "ORG")), 1.0),
        (SPANS, ANN, spans((0, 4, "PER")), 0.5),  # overlaps, but is not the same
        (SPANS, ANN, spans((0, 3, "PER"), (9, 12, "ORG")), 1 - 2 / 3),
        (BOXES, boxes(box(0, 0, 10, 10)), boxes(box(0, 0, 10, 10)), 0.0),
        (BOXES, boxes(box(0, 0, 10, 10)), boxes(box(1, 0, 10, 10)), 0.0),  # the same from IoU .5
        (BOXES, boxes(box(0, 0, 10, 10)), boxes(box(8, 0, 10, 10)), 1.0),
        (BOXES, boxes(box(0, 0, 10, 10)), boxes(box(0, 0, 10, 10, "dog")), 1.0),
        (BOXES, boxes(box(0, 0, 9, 9), box(20, 0, 9, 9)), boxes(box(20, 0, 9, 9)), 1 - 2 / 3),
        (BOXES, boxes(), boxes(), 0.0),
    ],
)
def test_distance(kind: kinds.Kind, one: dict[str, Any], other: dict[str, Any], expected: float) -> None:
    assert kind.distance(one, other) == pytest.approx(expected)
    assert kind.distance(other, one) == pytest.approx(expected)


def test_relations_count_as_members() -> None:
    both = [(0, 3, "PER"), (9, 12, "ORG")]
    related = spans(*both, relations=[(0, 1, "works_for")])
    assert SPANS.distance(related, related) == 0.0
    assert SPANS.distance(related, spans(*both)) == pytest.approx(1 - 4 / 5)
    assert SPANS.distance(related, spans(*both, relations=[(1, 0, "works_for")])) == pytest.approx(1 - 4 / 6)


def test_turned_boxes_are_compared_as_they_lie() -> None:
    upright, turned = box(0, 4, 10, 2), box(0, 4, 10, 2, rotation=90.0)
    assert BOXES.distance(boxes(upright), boxes(turned)) == 1.0
    assert BOXES.distance(boxes(turned), boxes(box(4, 0, 2, 10))) == 0.0  # the same rectangle, written otherwise


@pytest.mark.parametrize(
    ("kind", "answer", "truth", "expected"),
    [
        (CHOICE, {"label": "a"}, {"label": "a"}, True),
        (CHOICE, {"label": "b"}, {"label": "a"}, False),
        (MULTI, multi("b", "a"), multi("a", "b"), True),
        (MULTI, multi("a"), multi("a", "b"), False),
        (SPANS, spans((0, 4, "PER")), ANN, True),
        (SPANS, spans(), ANN, False),
        (BOXES, boxes(box(1, 1, 10, 10)), boxes(box(0, 0, 10, 10)), True),
        (BOXES, boxes(box(1, 1, 10, 10), box(40, 40, 5, 5)), boxes(box(0, 0, 10, 10)), False),
    ],
)
def test_hit(kind: kinds.Kind, answer: dict[str, Any], truth: dict[str, Any], expected: bool) -> None:
    assert kind.hit(answer, truth) is expected


def test_a_kind_without_module_is_refused() -> None:
    class Unheard:
        kind = "smell"

    with pytest.raises(kinds.NoConsensusForKind):
        kinds.of(Unheard())  # type: ignore[arg-type]
    assert kinds.names() == ("boxes", "choice", "multi_choice", "spans")


def test_multi_choice_weighs_every_label_on_its_own() -> None:
    found = MULTI.consensus(votes(multi("a", "b"), multi("a"), multi("a")), MULTI.unknown())
    assert found.answer == multi("a")
    assert not found.tied
    assert found.confidence == pytest.approx(1 - found.distribution["b"])


def test_multi_choice_at_even_votes_is_a_tie() -> None:
    found = MULTI.consensus(votes(multi("a", "b"), multi("a")), MULTI.unknown())
    assert found.tied
    assert found.confidence == pytest.approx(0.5)


def test_multi_choice_takes_the_model_as_prior() -> None:
    sure = {"a": 0.97, "b": 0.02, "c": 0.02, "d": 0.02}
    found = MULTI.consensus(votes(multi("a")), MULTI.unknown(), sure)
    assert found.answer == multi("a")
    assert found.confidence > 0.98


def test_multi_choice_keeps_to_the_questions_limits() -> None:
    question = MultiChoiceQuestion(name="q", kind="multi_choice", labels=["a", "b", "c"], minimum=1, maximum=1)
    kind = kinds.of(question)
    assert kind.consensus(votes(multi("a"), multi("b"), multi("c")), kind.unknown()).answer == multi("a")
    loose = kinds.of(question.model_copy(update={"minimum": 2, "maximum": 2}))
    assert len(loose.consensus(votes(multi("a", "b"), multi("c", "b")), loose.unknown()).answer["labels"]) == 2  # type: ignore[arg-type]


def test_multi_choice_learns_who_overlooks_a_label() -> None:
    seen = [ItemVotes([Vote("keen", multi("a")), Vote("fair", multi("a")), Vote("blind", multi())]) for _ in range(30)]
    plain = [ItemVotes([Vote("keen", multi()), Vote("fair", multi()), Vote("blind", multi())]) for _ in range(30)]
    known = MULTI.estimate([*seen, *plain])
    assert MULTI.consensus([Vote("keen", multi("a")), Vote("blind", multi())], known).answer == multi("a")
    assert MULTI.consensus([Vote("keen", multi()), Vote("blind", multi())], known).confidence > 0.9


def test_spans_that_most_mark_are_kept_with_the_edges_most_give() -> None:
    found = SPANS.consensus(
        votes(
            spans((0, 8, "PER"), (20, 25, "ORG")),
            spans((0, 8, "PER"), (20, 25, "ORG")),
            spans((0, 7, "PER"), (30, 33, "ORG")),
        ),
        SPANS.unknown(),
    )
    assert found.answer == spans((0, 8, "PER"), (20, 25, "ORG"))
    assert not found.tied
    assert found.confidence < 0.98  # the third saw one less and one more


def test_two_who_mark_the_same_spans_are_enough_and_one_is_not() -> None:
    assert SPANS.consensus(votes(ANN, ANN), SPANS.unknown()).confidence > 0.98
    assert SPANS.consensus(votes(ANN), SPANS.unknown()).confidence < 0.98
    assert SPANS.consensus(votes(spans(), spans()), SPANS.unknown()).confidence > 0.98
    assert SPANS.consensus(votes(spans()), SPANS.unknown()).confidence < 0.98


def test_different_edges_of_the_same_span_are_a_tie() -> None:
    assert SPANS.consensus(votes(spans((0, 8, "PER")), spans((0, 7, "PER"))), SPANS.unknown()).tied


def test_a_disputed_label_of_a_span_is_unsure() -> None:
    found = SPANS.consensus(votes(spans((0, 8, "PER")), spans((0, 8, "ORG"))), SPANS.unknown())
    assert found.confidence < 0.8


def test_a_span_that_one_person_marks_twice_is_one_span() -> None:
    twice, once = spans((0, 9, "PER"), (0, 10, "PER")), spans((0, 10, "PER"))
    found = SPANS.consensus(votes(twice, once), SPANS.unknown())
    assert found.answer == once
    assert found.tied  # one says two, one says one
    found = SPANS.consensus(votes(twice, once, once), SPANS.unknown())
    assert found.answer == once
    assert not found.tied
    assert found.confidence == pytest.approx(
        SPANS.consensus(votes(once, once, once), SPANS.unknown()).confidence, abs=0.01
    )


def test_relations_survive_between_kept_spans_only() -> None:
    both = [(0, 3, "PER"), (9, 12, "ORG")]
    answer = spans(*both, relations=[(0, 1, "works_for")])
    turned = spans(both[1], both[0], relations=[(1, 0, "works_for")])  # the same in another order
    found = SPANS.consensus(votes(answer, turned), SPANS.unknown())
    assert found.answer == answer
    lonely = SPANS.consensus(votes(answer, spans(both[0]), spans(both[0]), spans(both[0])), SPANS.unknown())
    assert lonely.answer == spans(both[0])


def test_where_spans_may_not_overlap_the_surer_one_stays() -> None:
    kind = kinds.of(SpansQuestion(name="q", kind="spans", field="text", labels=["PER", "ORG"], overlapping=False))
    found = kind.consensus(
        votes(spans((0, 8, "PER")), spans((0, 8, "PER")), spans((0, 8, "PER"), (6, 12, "ORG"))), kind.unknown()
    )
    assert found.answer == spans((0, 8, "PER"))


def test_boxes_are_fused_and_lone_ones_dropped() -> None:
    found = BOXES.consensus(
        votes(
            boxes(box(0, 0, 10, 10)),
            boxes(box(1, 0, 10, 10)),
            boxes(box(2, 0, 10, 10)),
            boxes(box(1, 0, 10, 10), box(50, 50, 5, 5, "dog")),
        ),
        BOXES.unknown(),
    )
    assert found.answer == boxes(box(1.0, 0.0, 10.0, 10.0))
    assert not found.tied


def test_turned_boxes_give_the_most_central_one() -> None:
    drawn = [box(0, 0, 10, 4, rotation=angle) for angle in (10.0, 14.0, 20.0)]
    found = BOXES.consensus(votes(*(boxes(one) for one in drawn)), BOXES.unknown())
    assert found.answer == boxes(drawn[1])


def test_one_box_with_two_labels_is_one_object_whose_label_is_disputed() -> None:
    car, bus = boxes(box(10, 10, 20, 20)), boxes(box(10, 10, 20, 20, "dog"))
    even = BOXES.consensus(votes(car, bus), BOXES.unknown())
    assert len(even.answer["boxes"]) == 1  # type: ignore[arg-type]
    assert even.tied
    assert even.confidence == pytest.approx(0.5, abs=0.02)
    most = BOXES.consensus(votes(car, bus, car), BOXES.unknown())
    assert most.answer == boxes(box(10.0, 10.0, 20.0, 20.0))
    assert not most.tied
    assert 0.7 < most.confidence < 0.98


@pytest.mark.parametrize(
    ("kind", "both", "apart", "one"),
    [
        (SPANS, spans((0, 8, "PER"), (0, 8, "ORG")), spans((0, 8, "PER"), (20, 28, "ORG")), spans((0, 8, "PER"))),
        (
            BOXES,
            boxes(box(0, 0, 9, 9), box(0, 0, 9, 9, "dog")),
            boxes(box(0, 0, 9, 9), box(40, 40, 9, 9, "dog")),
            boxes(box(0, 0, 9, 9)),
        ),
    ],
)
def test_two_labels_that_one_person_gives_one_place_are_two_objects(kind: Any, both: Any, apart: Any, one: Any) -> None:
    name = next(iter(both))
    agreed = kind.consensus(votes(both, both), kind.unknown())
    assert len(agreed.answer[name]) == 2
    assert not agreed.tied
    unsure = kind.consensus(votes(both, one), kind.unknown())
    elsewhere = kind.consensus(votes(apart, one), kind.unknown())
    assert (unsure.confidence, unsure.tied) == (pytest.approx(elsewhere.confidence), elsewhere.tied)
    assert unsure.confidence < 0.98
    most = kind.consensus(votes(both, one, one), kind.unknown())
    assert [each["label"] for each in most.answer[name]] == [one[name][0]["label"]]
    assert not most.tied


def test_attributes_of_a_box_are_voted_on() -> None:
    red, blue = box(0, 0, 9, 9, attributes={"colour": "red"}), box(0, 0, 9, 9, attributes={"colour": "blue"})
    found = BOXES.consensus(votes(boxes(red), boxes(blue), boxes(red)), BOXES.unknown())
    assert found.answer["boxes"][0]["attributes"] == {"colour": "red"}  # type: ignore[index,call-overload]
    assert BOXES.consensus(votes(boxes(red), boxes(blue)), BOXES.unknown()).tied


def test_who_draws_ghosts_is_believed_less() -> None:
    real, ghost = box(0, 0, 10, 10), box(50, 50, 8, 8)
    items = [
        ItemVotes(
            [Vote("a", boxes(real)), Vote("b", boxes(real)), Vote("c", boxes(real)), Vote("ghosts", boxes(real, ghost))]
        )
        for _ in range(15)
    ]
    known = BOXES.estimate(items)
    alone = [Vote("a", boxes()), Vote("ghosts", boxes(ghost))]
    doubted = BOXES.consensus(alone, known)
    assert doubted.answer == boxes()
    believed = BOXES.consensus([Vote("ghosts", boxes()), Vote("a", boxes(ghost))], known)
    assert believed.answer != boxes() or believed.confidence < doubted.confidence


def test_truth_teaches_who_overlooks() -> None:
    real = boxes(box(0, 0, 10, 10))
    items = [ItemVotes([Vote("sees", real), Vote("overlooks", boxes())], truth=real) for _ in range(15)]
    known = BOXES.estimate(items)
    assert BOXES.reliability(known, "sees").accuracy > BOXES.reliability(known, "overlooks").accuracy


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (CHOICE, {"label": "a"}, {"label": "b"}),
        (MULTI, multi("a"), multi("b")),
        (SPANS, ANN, spans((5, 9, "ORG"))),
        (BOXES, boxes(box(0, 0, 10, 10)), boxes(box(50, 50, 10, 10))),
    ],
)
def test_outcomes_show_who_was_right(kind: kinds.Kind, right: dict[str, Any], wrong: dict[str, Any]) -> None:
    unknown = kind.unknown()
    known = ItemVotes(votes(right, wrong), truth=right)
    agreed = ItemVotes(votes(right, right, wrong))
    alone = ItemVotes(votes(right))
    by_truth, by_others, by_nobody = kind.outcomes([known, agreed, alone], unknown)
    assert [(one.right, one.weight) for one in by_truth] == [(1.0, 1.0), (0.0, 1.0)]
    assert by_others[0].right > 0.8
    assert by_others[2].right < 0.2
    assert all(one.weight > 0 for one in by_others)
    assert by_nobody[0].weight == 0.0


ANSWERS: dict[str, Any] = {
    "choice": st.sampled_from([{"label": label} for label in "abc"]),
    "multi_choice": st.lists(st.sampled_from("abcd"), unique=True, max_size=4).map(lambda labels: multi(*labels)),
    "spans": st.lists(
        st.tuples(st.integers(0, 12), st.integers(1, 6), st.sampled_from(["PER", "ORG"])), max_size=3, unique=True
    ).map(lambda found: spans(*((start, start + size, label) for start, size, label in found))),
    "boxes": st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(3, 9), st.sampled_from([0.0, 30.0])), max_size=3
    ).map(lambda found: boxes(*(box(x, y, size, size, rotation=angle) for x, y, size, angle in found))),
}
KINDS = {"choice": CHOICE, "multi_choice": MULTI, "spans": SPANS, "boxes": BOXES}


@pytest.mark.parametrize("name", sorted(KINDS))
@given(data=st.data())
@settings(max_examples=12)
def test_distances_are_distances_and_consensus_ignores_order(name: str, data: st.DataObject) -> None:
    kind, answers = KINDS[name], ANSWERS[name]
    one, other = data.draw(answers), data.draw(answers)
    assert kind.distance(one, one) == pytest.approx(0.0)
    assert kind.hit(one, one)
    assert 0.0 <= kind.distance(one, other) == pytest.approx(kind.distance(other, one))
    assert kind.distance(one, other) <= 1.0
    given = votes(*data.draw(st.lists(answers, min_size=1, max_size=4)))
    first, second = kind.consensus(given, kind.unknown()), kind.consensus(given[::-1], kind.unknown())
    assert first == second
    assert 0.0 <= first.confidence <= 1.0
