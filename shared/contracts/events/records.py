"""Topic `records`: what came in, without personal data."""

from uuid import UUID

from pydantic import Field

from shared.contracts.envelope import Payload
from shared.contracts.values import Frozen, Origin, Split


class AssetReference(Frozen):
    """Media in the object store. The bytes lie at `assets/<asset_id>`; they never travel in events.

    `width` and `height` in pixels, after the orientation in the metadata was applied and the metadata dropped.
    """

    asset_id: UUID
    media_type: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)
    width: int | None = Field(default=None, ge=1)
    height: int | None = Field(default=None, ge=1)


FieldValue = str | AssetReference
SliceValue = str | int | float | bool


class RecordAccepted(Payload):
    """A record entered: every string in it is de-identified.

    `slice` is the metadata that slices of the data are cut by. `collected_by_chance` is False for what entered
    because a model looked wrong or unsure, by campaign, or synthetic: such a record is always `train`.
    """

    schema_version: int = Field(ge=1)
    fields: dict[str, FieldValue]
    slice: dict[str, SliceValue] = {}
    split: Split
    origin: Origin
    purposes: list[str] = []
    priority: int = 0
    collected_by_chance: bool = True


class RecordErased(Payload):
    """A record was erased by right: every copy of its content goes, a tombstone stays."""

    reason: str
