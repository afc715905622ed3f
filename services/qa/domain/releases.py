"""What a release holds of one record, and how far the making of a release has come."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

BEFORE_EVERY_RECORD = UUID(int=0)

LEFT_OUT = ("method", "confidence", "under_review", "once_gold")
"""Why a label that stands is not released: its method or confidence is not asked for, it is questioned and such labels are
not asked for, or its record was gold before and belongs to the training split."""


class ReleasedLabel(NamedTuple):
    """One record with its label. `fields`, `slice` and `answers` are JSON text, as they are stored."""

    record_id: UUID
    label_id: UUID
    split: str
    origin: str | None
    slice: str | None
    fields: str
    answers: str
    label_revision: int
    round: int
    method: str
    confidence: float
    schema_version: int
    guideline_version: int | None
    annotations: int
    model_id: UUID | None
    trainable: bool
    calibrated: str | None
    finalized_at: datetime


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One finished file of a release."""

    name: str
    split: str
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SealsFile:
    """The file of every seal of the project; `last_hash` is that of the newest one, hexadecimal."""

    name: str
    seals: int
    bytes: int
    sha256: str
    last_hash: str | None


@dataclass(frozen=True, slots=True)
class GoldFile:
    """The file of gold, where it is asked for."""

    name: str
    records: int
    bytes: int
    sha256: str


@dataclass(slots=True)
class ReleaseProgress:
    """How far the files of a release are written; a job that was interrupted goes on from here.

    `as_of`: the release holds the labels that stood then. Of the split that is being written `parts` parts are stored,
    which hold `records` labels of the records up to `after`; `complete`: there are no more. `files` are the splits that
    are finished, `lineage` what proves their labels, `done` counts labels over all of them. `left_out` counts labels that stood then by why they are not in it.
    """

    as_of: datetime
    parts: int = 0
    records: int = 0
    after: UUID = BEFORE_EVERY_RECORD
    complete: bool = False
    done: int = 0
    files: list[ReleaseFile] = field(default_factory=list)
    lineage: list[ReleaseFile] = field(default_factory=list)
    methods: Counter[str] = field(default_factory=Counter)
    methods_of_splits: dict[str, Counter[str]] = field(default_factory=dict)
    guidelines: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def split(self, splits: list[str]) -> str | None:
        """Return the split that is to be written, None when all are."""
        return splits[len(self.files)] if len(self.files) < len(splits) else None

    def add_part(
        self, labels: list[ReleasedLabel], after: UUID, *, left_out: Mapping[str, int], complete: bool
    ) -> None:
        """Count a part that is stored, and what was left out of it."""
        self.left_out.update(left_out)
        self.parts += bool(labels)
        self.records += len(labels)
        self.done += len(labels)
        self.methods.update(one.method for one in labels)
        self.guidelines.update(str(one.guideline_version) for one in labels)
        self.after = after
        self.complete = complete

    def finish_split(self, file: ReleaseFile, lineage: ReleaseFile) -> None:
        """Go on to the next split."""
        self.files.append(file)
        self.lineage.append(lineage)
        self.methods_of_splits[file.split] = self.methods
        self.methods = Counter()
        self.parts = self.records = 0
        self.after = BEFORE_EVERY_RECORD
        self.complete = False

    def checkpoint(self) -> dict[str, Any]:
        """Return what `restored` takes, as JSON has it."""
        whole = {one.name: getattr(self, one.name) for one in fields(self)}
        return whole | {
            "as_of": self.as_of.isoformat(),
            "after": str(self.after),
            "files": [asdict(one) for one in self.files],
            "lineage": [asdict(one) for one in self.lineage],
        }

    @classmethod
    def restored(cls, checkpoint: Mapping[str, Any]) -> Self:
        """Return the progress that a checkpoint was made of; one from before releases held lineage begins again."""
        if "lineage" not in checkpoint:
            return cls(as_of=datetime.fromisoformat(checkpoint["as_of"]))
        return cls(
            **{
                **checkpoint,
                "as_of": datetime.fromisoformat(checkpoint["as_of"]),
                "after": UUID(checkpoint["after"]),
                "files": [ReleaseFile(**one) for one in checkpoint["files"]],
                "lineage": [ReleaseFile(**one) for one in checkpoint["lineage"]],
                "methods": Counter(checkpoint["methods"]),
                "methods_of_splits": {name: Counter(one) for name, one in checkpoint["methods_of_splits"].items()},
                "guidelines": Counter(checkpoint["guidelines"]),
                "left_out": Counter(checkpoint.get("left_out", {})),
            }
        )
