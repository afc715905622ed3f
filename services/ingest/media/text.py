"""Texts: kept in the record, with personal data masked."""

from collections.abc import Sequence
from typing import Any, Final

from services.ingest.exceptions import NotAccepted
from services.ingest.media.port import Redaction, Text
from shared.contracts.answers.offsets import surrogate_pairs
from shared.contracts.personal_data import AnyRecogniser, Finding, deidentify
from shared.contracts.values import json_pointer


class TextKind:
    name = "text"

    def read(self, field_name: str, value: Any) -> Text:
        if not isinstance(value, str):
            raise NotAccepted(json_pointer("fields", field_name), "string-type", "the field is a text")
        return Text(value)


def masked_text(text: str, recognisers: Sequence[AnyRecogniser]) -> tuple[str, list[Redaction]]:
    """The text without what the recognisers find, and what that was."""
    masked, findings = deidentify(text, recognisers)
    return masked, [_redaction(text, finding) for finding in findings]


def _redaction(text: str, finding: Finding) -> Redaction:
    pairs = 0 if text.isascii() else surrogate_pairs(text[finding.start : finding.end])
    whole = (finding.start, finding.end, finding.type.value)
    return (*whole, pairs) if pairs else whole


TEXT: Final = TextKind()
