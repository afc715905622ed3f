"""Whatever JSON comes as a record is read or refused, and never breaks the one who reads it."""

import contextlib
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.domain.intake import IntakeProject, read_record
from services.ingest.exceptions import NotAccepted
from shared.contracts.answers import LabelSchema
from shared.contracts.personal_data import RECOGNISERS
from shared.contracts.policies import Policies

SCHEMA = LabelSchema.model_validate(
    {
        "fields": [
            {"name": "message", "kind": "text"},
            {"name": "photo", "kind": "image", "required": False},
        ],
        "questions": [{"name": "topic", "kind": "choice", "labels": ["a", "b"]}],
    }
)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("fields", "slice", "purposes", "origin", "priority", "external_id", "x"), JSON)
    )
)
@settings(max_examples=200)
def test_rubbish_is_refused_and_never_breaks(raw: dict[str, Any]) -> None:
    project = IntakeProject(UUID(int=1), "salt", b"key", 1, SCHEMA, Policies())
    with contextlib.suppress(NotAccepted):
        read_record(project, raw, lambda: UUID(int=7), RECOGNISERS)
