"""Lines of an import, parsed, checked, de-identified and hashed: in a thread, or in a worker where they are long."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from services.ingest.domain.intake import IntakeProject, RecordCandidate, accept, of_validation, read_record
from services.ingest.domain.reports import ReportIn
from services.ingest.exceptions import NotAccepted
from services.ingest.imports import Line
from shared.kit.clock import new_id

Refused = tuple[int, NotAccepted]
"""The line's number and why it is refused."""


@dataclass(slots=True)
class PreparedRecords:
    """What may be kept, by line, and what is refused."""

    candidates: list[tuple[int, RecordCandidate]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


@dataclass(slots=True)
class PreparedReports:
    """Reports by line, each with the record that its input becomes if it isn't known, and what is refused."""

    reports: list[tuple[int, ReportIn, RecordCandidate | None]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def prepare_records(project: IntakeProject, lines: Sequence[Line]) -> PreparedRecords:
    prepared = PreparedRecords()
    for line in lines:
        try:
            prepared.candidates.append((line.number, read_record(project, line.parse(), new_id)))
        except NotAccepted as error:
            prepared.refused.append((line.number, error))
    return prepared


def prepare_reports(project: IntakeProject, lines: Sequence[Line]) -> PreparedReports:
    prepared = PreparedReports()
    for line in lines:
        try:
            report = _read_report(line)
            candidate = accept(project, report.record(), new_id()) if report.fields else None
            prepared.reports.append((line.number, report, candidate))
        except NotAccepted as error:
            prepared.refused.append((line.number, error))
    return prepared


def _read_report(line: Line) -> ReportIn:
    try:
        return ReportIn.model_validate(line.parse())
    except ValidationError as error:
        raise of_validation(error) from None
