"""Texts: kept in the record, with personal data masked."""

from typing import Any, Final

from services.ingest.exceptions import NotAccepted
from services.ingest.media.port import Text
from shared.contracts.personal_data import deidentify
from shared.contracts.values import json_pointer


class TextKind:
    name = "text"

    def read(self, field_name: str, value: Any) -> Text:
        if not isinstance(value, str):
            raise NotAccepted(json_pointer("fields", field_name), "string-type", "the field is a text")
        masked, findings = deidentify(value)
        return Text(masked, value, [(finding.start, finding.end, finding.type.value) for finding in findings])


TEXT: Final = TextKind()
