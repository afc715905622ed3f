"""Topic `records`: what came in, without personal data."""

from typing import ClassVar

from pydantic import Field

from shared.contracts.envelope import Payload
from shared.contracts.fields import AssetReference, FieldValue
from shared.contracts.values import Origin, Split, Version

__all__ = ["AssetReference", "FieldValue", "RecordAccepted", "RecordErased", "SliceValue"]

SliceValue = str | int | float | bool


class RecordAccepted(Payload):
    """A record entered: every string in it is de-identified.

    `slice` is the metadata that slices of the data are cut by. `collected_by_chance` is False for what entered
    because a model looked wrong or unsure, by campaign, or synthetic: such a record is always `train`.
    """

    schema_version: Version
    fields: dict[str, FieldValue]
    slice: dict[str, SliceValue] = Field(default={})
    split: Split
    origin: Origin
    purposes: list[str] = Field(default=[])
    priority: int = 0
    collected_by_chance: bool = True


class RecordErased(Payload):
    """A record was erased by right: every copy of its content goes, a tombstone stays.

    `reason` is an `ErasureReason`; older releases published free text.
    """

    kept_when_erased: ClassVar[bool] = True

    reason: str
