"""Whatever JSON comes as an answer is judged, and never breaks the one who judges."""

from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.answers import LabelSchema, validate
from shared.contracts.fields import AssetReference, FieldValue

IMAGE = AssetReference(
    asset_id=UUID(int=1), media_type="image/png", sha256="0" * 64, size_bytes=1, width=100, height=50
)
FIELDS: dict[str, FieldValue] = {"text": "naïve 😀 text", "photo": IMAGE}
TOPIC = {"name": "topic", "kind": "choice", "labels": ["a", "b"]}
TAGS = {"name": "tags", "kind": "multi_choice", "labels": ["x", "y", "z"], "minimum": 1, "maximum": 2}
SPANS = {"name": "spans", "kind": "spans", "field": "text", "labels": ["PER", "ORG"], "relations": ["works_for"]}
BOXES = {
    "name": "boxes",
    "kind": "boxes",
    "field": "photo",
    "labels": ["car"],
    "rotation": True,
    "attributes": [
        {"name": "colour", "values": ["red", "blue"]},
        {"name": "side", "values": ["left"], "required": True},
    ],
}


def schema(*questions: dict[str, Any]) -> LabelSchema:
    fields = [{"name": "text", "kind": "text"}, {"name": "photo", "kind": "image", "required": False}]
    return LabelSchema.model_validate({"fields": fields, "questions": list(questions)})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["label", "labels", "spans", "start", "end", "boxes", "x", "relations"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["topic", "tags", "spans", "boxes", "other"]), JSON))
@settings(max_examples=300)
def test_rubbish_gives_violations_and_never_an_exception_or_the_value(answers: dict[str, Any]) -> None:
    for violation in validate(schema(TOPIC, TAGS, SPANS, BOXES), FIELDS, answers):
        assert violation.rule
        assert violation.message
