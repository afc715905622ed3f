"""Gold answers are masked as the annotations that they are compared with."""

from collections.abc import Mapping

from services.qa.compute.gold import examine
from shared.contracts.answers import LabelSchema, OffsetUnit
from shared.contracts.fields import FieldValue
from shared.contracts.personal_data import Kind
from shared.contracts.policies import DeidentificationPolicy
from shared.contracts.values import Answers

SCHEMA = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "sentiment", "kind": "choice", "labels": ["good", "bad"]}],
    }
)


def test_what_is_typed_freely_is_masked_and_the_schemas_own_words_are_not() -> None:
    fields: Mapping[str, FieldValue] = {"text": "a"}
    answers: Answers = {"sentiment": {"label": "good", "note": "Ask jane@example.com"}}
    [(masked, _)] = examine({1: SCHEMA}, DeidentificationPolicy(), [(1, fields, answers, OffsetUnit.CODE_POINTS)])
    assert masked == {"sentiment": {"label": "good", "note": "Ask [EMAIL]"}}
    [(kept, _)] = examine(
        {1: SCHEMA}, DeidentificationPolicy(kept=[Kind.EMAIL]), [(1, fields, answers, OffsetUnit.CODE_POINTS)]
    )
    assert kept == answers
