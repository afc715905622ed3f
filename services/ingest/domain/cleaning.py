"""What a string looks like once it may leave ingest."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.contracts.answers import LabelSchema
from shared.contracts.events import SliceValue
from shared.contracts.personal_data import Finding, Kind, deidentify, mask
from shared.contracts.values import json_pointer

Redactions = dict[str, list[tuple[int, int, str]]]
"""Per text field what was masked: start and end in the original, and the kind. Holds no personal data itself."""

_FEWEST_DIGITS = 7


class PersonalDataInSchema(ValueError):
    """A name or label holds personal data, and cannot be masked without changing what it means."""

    def __init__(self, pointer: str) -> None:
        super().__init__("names and labels are published as they are")
        self.pointer = pointer


def mask_field(text: str) -> tuple[str, list[tuple[int, int, str]]]:
    """The text without personal data, and where it was."""
    masked, findings = deidentify(text)
    return masked, [(finding.start, finding.end, finding.type.value) for finding in findings]


def findings_of(redactions: Sequence[tuple[int, int, str]]) -> list[Finding]:
    """Read back what `mask_field` found, to move offsets by it."""
    return [Finding(start, end, Kind(kind), 1.0, "stored") for start, end, kind in redactions]


def mask_slice(values: Mapping[str, SliceValue]) -> dict[str, SliceValue]:
    """Keys and values without personal data; a number that reads as a telephone or card number counts as one."""
    return {mask(key): _mask_value(value) for key, value in values.items()}


def _mask_value(value: SliceValue) -> SliceValue:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, int) and abs(value) >= 10**_FEWEST_DIGITS:
        text = str(value)
        masked = mask(text)
        return value if masked == text else masked
    return value


def mask_answers(value: Any) -> Any:
    """Any JSON with every string in it masked, keys too."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(key): mask_answers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [mask_answers(item) for item in value]
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
