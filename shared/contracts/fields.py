"""What a record carries: text as a string, media as a reference to an asset."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, TypeAdapter

from shared.contracts.values import Frozen

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
"""How fields, questions and attributes are called: safe in a JSON pointer, a column name and a file name."""

FieldKind = Literal["text", "image"]


class RecordField(Frozen):
    """Something a record carries. `required`: every record has it."""

    name: Name
    kind: FieldKind
    title: str | None = Field(default=None, max_length=500)
    required: bool = True


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


class PictureSize(Frozen):
    """As much of a picture as its boxes are checked against. In pixels, upright."""

    width: int = Field(ge=1, le=2**31 - 1)
    height: int = Field(ge=1, le=2**31 - 1)


FieldValue = str | AssetReference

_FIELDS: TypeAdapter[dict[str, FieldValue]] = TypeAdapter(dict[str, FieldValue])


def parse_fields(raw: Mapping[str, Any]) -> dict[str, FieldValue]:
    """Read a record's fields back from JSON."""
    return _FIELDS.validate_python(dict(raw))
