"""Texts: kept in the record, with personal data masked."""

import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from services.ingest.exceptions import NotAccepted
from services.ingest.media.port import Redaction, Text
from shared.contracts.answers.offsets import surrogate_pairs
from shared.contracts.personal_data import AnyRecogniser, Finding, deidentify
from shared.contracts.values import json_pointer

_INVISIBLE: Final = {"Cc", "Cf", "Zs", "Zl", "Zp"}
# Letters, marks and symbols that show nothing: joiners, fillers of Hangul, vowels of Khmer, selectors, the empty braille.
_BLANK: Final = frozenset(
    map(
        chr,
        (
            0x034F,
            0x115F,
            0x1160,
            0x17B4,
            0x17B5,
            0x2800,
            0x3164,
            0xFFA0,
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
        ),
    )
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))


def is_visible(character: str) -> bool:
    return unicodedata.category(character) not in _INVISIBLE and character not in _BLANK


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: it is empty, or of white space and invisible characters alone."""
    return not any(map(is_visible, text))


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
