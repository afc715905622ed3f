"""What of a release's manifest its verification reads."""

from uuid import UUID

from pydantic import BaseModel, Field

from shared.contracts.answers import LabelSchema, OffsetUnit


class FileInManifest(BaseModel):
    """A file as the manifest states it; `records` are its lines."""

    name: str
    bytes: int
    sha256: str
    records: int = 0


class SealsInManifest(FileInManifest):
    """The file of every seal of the project."""

    seals: int


class KeyInManifest(BaseModel):
    """A public key that the release names."""

    key_id: str
    public_key: str


class LineageInManifest(BaseModel):
    """What proves the labels; `files` are in the order of the files of labels."""

    format: str
    files: list[FileInManifest]
    seals: SealsInManifest
    keys: list[KeyInManifest]


class GoldInManifest(BaseModel):
    """`released`: the file of gold, where it was asked for."""

    released: FileInManifest | None = None


class OptionsInManifest(BaseModel):
    """`offset_unit`: what offsets in texts count in the files; what was committed to counts code points."""

    offset_unit: OffsetUnit = OffsetUnit.CODE_POINTS


class SchemaInManifest(BaseModel):
    """The version of the schema that the labels are of."""

    content: LabelSchema


class ReleaseManifest(BaseModel):
    """A manifest with lineage."""

    project_id: UUID
    options: OptionsInManifest = Field(default_factory=OptionsInManifest)
    label_schema: SchemaInManifest = Field(alias="schema")
    files: list[FileInManifest]
    lineage: LineageInManifest
    gold: GoldInManifest = Field(default_factory=GoldInManifest)
