"""Lines of an import, parsed, checked, de-identified and hashed: in a thread, or in a worker where they are long."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from services.ingest.domain.intake import IntakeProject, RecordCandidate, accept, of_validation, read_record
from services.ingest.domain.reports import GivenReport, ReportIn, check_size, report_hashes
from services.ingest.exceptions import NotAccepted
from services.ingest.imports import Line
from shared.kit.clock import new_id
from shared.kit.tracebacks import forget_origin
from shared.recognition.choice import recognisers_of

Refused = tuple[int, NotAccepted]
"""The line's number and why it is refused."""


Failed = tuple[int, str]
"""The line's number, and the exception that a fault of ours raised: its type and place, without its message."""


@dataclass(slots=True)
class PreparedRecords:
    """What may be kept, by line, and what is refused. `failed`: what is refused since reading it failed."""

    candidates: list[tuple[int, RecordCandidate]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)


@dataclass(slots=True)
class PreparedReports:
    """Reports that may be kept, and what is refused, as above."""

    reports: list[GivenReport] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)


def prepare_records(project: IntakeProject, lines: Sequence[Line]) -> PreparedRecords:
    """Read each line as a record; the bad ones are refused, each by itself. Raises MemoryError,
    RecogniserNotInstalled.
    """
    prepared = PreparedRecords()
    recognisers = recognisers_of(project.policies.deidentification)

    def read(line: Line) -> None:
        prepared.candidates.append((line.number, read_record(project, line.parse(), new_id, recognisers)))

    _read_each(lines, read, prepared)
    return prepared


def prepare_reports(project: IntakeProject, lines: Sequence[Line]) -> PreparedReports:
    """Read each line as a report; the bad ones are refused, each by itself. Raises MemoryError,
    RecogniserNotInstalled.
    """
    prepared = PreparedReports()
    recognisers = recognisers_of(project.policies.deidentification)

    def read(line: Line) -> None:
        report = _read_report(line)
        size = check_size(report)
        candidate = accept(project, report.record(), new_id(), recognisers) if report.fields else None
        prepared.reports.append(GivenReport(line.number, report, *report_hashes(project, report), size, candidate))

    _read_each(lines, read, prepared)
    return prepared


def _read_each(
    lines: Sequence[Line], read: Callable[[Line], None], prepared: PreparedRecords | PreparedReports
) -> None:
    """Read line by line; one that can't be read is refused alone, also where the fault is ours."""
    for line in lines:
        try:
            read(line)
        except NotAccepted as error:
            forget_origin(error)
            prepared.refused.append((line.number, error))
        except MemoryError:
            raise  # the lines are halved until the one stands alone that needs too much
        except Exception as error:  # noqa: BLE001
            prepared.refused.append((line.number, NotAccepted("", "unreadable", "it can't be read")))
            last = traceback.extract_tb(error.__traceback__)[-1]
            prepared.failed.append((line.number, f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"))


def _read_report(line: Line) -> ReportIn:
    try:
        return ReportIn.model_validate(line.parse())
    except ValidationError as error:
        raise of_validation(error) from None
