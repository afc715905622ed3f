"""Gold answers are masked as the annotations that they are compared with."""

from services.qa.compute.gold import examine
from shared.contracts.answers import LabelSchema
from shared.contracts.policies import DeidentificationPolicy

SCHEMA = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "sentiment", "kind": "choice", "labels": ["good", "bad"]}],
    }
)


def test_what_is_typed_freely_is_masked_and_the_schemas_own_words_are_not() -> None:
    answers = {"sentiment": {"label": "good", "note": "Ask jane@example.com"}}
    [(_, masked)] = examine({1: SCHEMA}, DeidentificationPolicy(), [(1, {"text": "a"}, answers)])
    assert masked == {"sentiment": {"label": "good", "note": "Ask [EMAIL]"}}
    [(_, kept)] = examine({1: SCHEMA}, DeidentificationPolicy(kept=["EMAIL"]), [(1, {"text": "a"}, answers)])
    assert kept == answers
