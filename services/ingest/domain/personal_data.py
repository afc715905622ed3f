"""What a string looks like once it may leave ingest."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.ingest.exceptions import PersonalDataInSchema
from services.ingest.media import Redaction
from shared.contracts.answers import LabelSchema, OffsetUnit
from shared.contracts.answers.offsets import Utf16Offsets
from shared.contracts.events import SliceValue
from shared.contracts.personal_data import AnyRecogniser, Finding, Kind, MaskedOffsets, deidentify, mask
from shared.contracts.personal_data.money import SHORTEST_CARD, CardRecogniser
from shared.contracts.values import json_pointer

Redactions = dict[str, list[Redaction]]
"""What was masked, per text field."""

_CARDS = (CardRecogniser(),)


def masked_offsets(redactions: Sequence[Redaction], masked: str, unit: OffsetUnit) -> MaskedOffsets:
    """Moves offsets of the original text, by what was masked in it, to the masked one, in the same unit."""
    found = _findings(redactions) if unit is OffsetUnit.CODE_POINTS else _utf16_findings(redactions, masked)
    return MaskedOffsets(found)


def _findings(redactions: Sequence[Redaction]) -> Iterator[Finding]:
    for start, end, kind, *_ in redactions:
        yield Finding(start, end, Kind(kind), 1.0, "stored")


def _utf16_findings(redactions: Sequence[Redaction], masked: str) -> Iterator[Finding]:
    """Surrogate pairs of the original text are those of the masked one and those that are noted with what was masked."""
    shown, hidden, growth = Utf16Offsets(masked), 0, 0
    for start, end, name, *noted in redactions:
        kind, pairs = Kind(name), noted[0] if noted else 0
        before = shown.to_utf16(start + growth) - growth + hidden
        yield Finding(before, before + end - start + pairs, kind, 1.0, "stored")
        hidden += pairs
        growth += len(kind.mask) - (end - start)


def mask_slice(values: Mapping[str, SliceValue]) -> dict[str, SliceValue]:
    """Keys and values without personal data; of numbers only those are masked that pass as a card's."""
    return {mask(key): _mask_value(value) for key, value in values.items()}


def _mask_value(value: SliceValue) -> SliceValue:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, int) and abs(value) >= 10 ** (SHORTEST_CARD - 1):
        text = str(value)
        masked, _ = deidentify(text, _CARDS)
        return value if masked == text else masked
    return value


def mask_answers(value: Any, recognisers: Sequence[AnyRecogniser]) -> Any:
    """Any JSON with every string in it masked, keys too."""
    if isinstance(value, str):
        return mask(value, recognisers)
    if isinstance(value, dict):
        return {mask(key, recognisers): mask_answers(item, recognisers) for key, item in value.items()}
    if isinstance(value, list):
        return [mask_answers(item, recognisers) for item in value]
    return value


def clean_schema(schema: LabelSchema) -> LabelSchema:
    """The schema with its titles masked.

    Raises:
        PersonalDataInSchema: some other string holds personal data.
    """
    return LabelSchema.model_validate(_clean(schema.model_dump(mode="json"), ()))


def _clean(value: Any, path: tuple[str | int, ...]) -> Any:
    if isinstance(value, dict):
        return {
            key: mask(item) if key == "title" and isinstance(item, str) else _clean(item, (*path, key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_clean(item, (*path, index)) for index, item in enumerate(value)]
    if isinstance(value, str) and mask(value) != value:
        raise PersonalDataInSchema(json_pointer(*path))
    return value
