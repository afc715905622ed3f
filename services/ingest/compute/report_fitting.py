"""Answers of reports, fitted to the masked records that they are about: in a thread, or in a worker where there is much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from services.ingest.domain.personal_data import Redactions
from services.ingest.domain.reports import AnswersToFit, FittedAnswers, OriginalOffsets, fit_answers
from services.ingest.exceptions import NotAccepted
from shared.contracts.answers import LabelSchema
from shared.contracts.events import FieldValue
from shared.contracts.fields import parse_fields
from shared.contracts.policies import DeidentificationPolicy
from shared.kit.tracebacks import forget_origin
from shared.recognition.choice import recognisers_of


@dataclass(frozen=True, slots=True)
class StoredContent:
    """A record's fields and what was masked in them, as JSON."""

    content_hash: bytes
    fields: str = field(repr=False)
    redactions: str | None = field(repr=False)

    def read(self) -> "RecordContent":
        redactions = orjson.loads(self.redactions) if self.redactions else {}
        return RecordContent(self.content_hash, parse_fields(orjson.loads(self.fields)), redactions)


@dataclass(frozen=True, slots=True)
class RecordContent:
    """A record's fields and what was masked in them."""

    content_hash: bytes
    fields: Mapping[str, FieldValue] = field(repr=False)
    redactions: Redactions = field(repr=False)

    def read(self) -> "RecordContent":
        return self


def fit_reports(
    content: StoredContent | RecordContent,
    given: Sequence[AnswersToFit],
    schemas: Mapping[int, LabelSchema],
    policy: DeidentificationPolicy,
) -> list[FittedAnswers | NotAccepted]:
    """Fit the answers of several reports about one record; a refusal where they don't fit."""
    record = content.read()
    offsets = OriginalOffsets(record.fields, record.redactions)
    recognisers = recognisers_of(policy)
    fitted: list[FittedAnswers | NotAccepted] = []
    for one in given:
        try:
            fitted.append(fit_answers(schemas[one.schema_version], record.fields, offsets, one, recognisers))
        except NotAccepted as error:
            forget_origin(error)
            fitted.append(error)
    return fitted
