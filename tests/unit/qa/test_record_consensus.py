"""All questions of a record together."""

from typing import Any

import pytest

from services.qa.domain.record_consensus import answers_of, consensus_of, hits
from shared.contracts.answers import LabelSchema
from shared.contracts.values import Answers

SCHEMA = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [
            {"name": "spam", "kind": "choice", "labels": ["yes", "no"]},
            {
                "name": "about",
                "kind": "multi_choice",
                "labels": ["money", "love"],
                "visible_when": {"question": "spam", "labels": ["yes"]},
            },
            {"name": "mood", "kind": "choice", "labels": ["good", "bad"], "required": False},
        ],
    }
)


def answers(spam: str, **more: Any) -> Answers:
    return {"spam": {"label": spam}, **more}


MONEY: dict[str, Any] = {"labels": ["money"]}


def consensus(*given: Answers) -> Answers:
    return answers_of(consensus_of(SCHEMA, [(f"p{at}", one) for at, one in enumerate(given)], {}))


def test_each_question_is_answered_by_its_kind() -> None:
    given = answers("yes", about=MONEY)
    assert consensus(given, given, answers("no")) == given


def test_a_question_the_consensus_hides_is_left_out() -> None:
    assert consensus(answers("no"), answers("no"), answers("yes", about=MONEY)) == answers("no")


def test_an_optional_question_most_left_out_is_left_out() -> None:
    good = {"label": "good"}
    assert consensus(answers("no", mood=good), answers("no"), answers("no")) == answers("no")
    assert consensus(answers("no", mood=good), answers("no", mood=good), answers("no")) == answers("no", mood=good)


def test_the_model_speaks_where_it_may() -> None:
    given = [("p0", answers("no"))]
    alone = consensus_of(SCHEMA, given, {})["spam"]
    helped = consensus_of(SCHEMA, given, {}, {"spam": {"yes": 0.03, "no": 0.97}})["spam"]
    assert (alone.method, helped.method) == ("dawid_skene", "dawid_skene_with_model")
    assert helped.confidence > 0.98 > alone.confidence


def test_a_missing_answer_is_a_miss() -> None:
    truth = answers("yes", about=MONEY)
    assert hits(SCHEMA, answers("yes", about=MONEY), truth) == {"spam": True, "about": True}
    assert hits(SCHEMA, answers("yes"), truth) == {"spam": True, "about": False}
    assert hits(SCHEMA, truth, answers("no")) == {"spam": False}


@pytest.mark.parametrize("given", [[], [("p0", {})]])
def test_no_answers_give_no_consensus(given: list[tuple[str, Answers]]) -> None:
    assert consensus_of(SCHEMA, given, {}) == {}
