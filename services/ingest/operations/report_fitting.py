"""Fit the answers of reports to their records: outside the event loop, before anything is locked."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar
from uuid import UUID

from services.ingest.compute.report_fitting import RecordContent, StoredContent, fit_reports
from services.ingest.domain.intake import IntakeProject, external_hash
from services.ingest.domain.reports import AnswersToFit, FittedAnswers, GivenReport
from services.ingest.exceptions import ImportInterrupted, NotAccepted
from services.ingest.operations import records
from services.ingest.operations.context import IntakeContext
from services.ingest.storage import feedback as feedback_storage
from services.ingest.storage import projects as project_storage
from services.ingest.storage import records as storage
from services.ingest.storage.records import RecordHead
from shared.contracts.answers import LabelSchema
from shared.contracts.policies import DeidentificationPolicy
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.concurrency import beside_the_loop
from shared.kit.database import Session

FITTED_AT_ONCE_BYTES: Final = 32 * 1024
"""A record and answers of more bytes are fitted in a worker process."""

_LOADED_AT_ONCE_BYTES: Final = 2 * 1024 * 1024
_FITTED_IN_ONE_CALL_BYTES: Final = 512 * 1024
_TIMEOUT_S: Final = 20.0
_TRIES: Final = 5
_LARGEST_VERSION: Final = 2**31 - 1
"""What a version's column holds."""

_REDACTION_BYTES: Final = 16
"""About what JSON has of one."""

T = TypeVar("T")

FitVerdict = FittedAnswers | NotAccepted
_Arguments = tuple[StoredContent | RecordContent, list[AnswersToFit], dict[int, LabelSchema], DeidentificationPolicy]
Wanted = tuple[int, UUID]
"""The line of a report, and the record that it is about."""


class NotFitted(Exception):
    """Reports are about other records than those that their answers were fitted to."""

    def __init__(self, wanted: Collection[Wanted]) -> None:
        super().__init__()
        self.wanted = wanted


@dataclass(slots=True)
class Fits:
    """The answers of reports, as fitted to records, and the versions of the schema that the reports name; None where the
    project has no such version.
    """

    schemas: dict[int, LabelSchema | None]
    _found: dict[Wanted, tuple[bytes, FitVerdict]] = field(default_factory=dict)
    _tries: dict[Wanted, int] = field(default_factory=lambda: defaultdict(int))

    def of(self, line: int, record_id: UUID, head: RecordHead) -> FitVerdict | None:
        """None: the report is yet to be fitted to this record, or the record has another content by now."""
        content_hash, fitted = self._found.get((line, record_id), (None, None))
        return fitted if content_hash == head.content_hash else None

    def add(self, wanted: Wanted, content_hash: bytes, fitted: FitVerdict) -> None:
        self._found[wanted] = content_hash, fitted

    def try_again(self, wanted: Iterable[Wanted]) -> None:
        """Raises ImportInterrupted: it was tried often enough."""
        for one in wanted:
            self._tries[one] += 1
            if self._tries[one] > _TRIES:
                raise ImportInterrupted("The records of reports were changed again and again")


@dataclass(frozen=True, slots=True)
class _Fitting:
    """Reports about one record, of so many bytes with it."""

    record_id: UUID
    content: StoredContent | RecordContent
    content_bytes: int
    reports: Sequence[GivenReport]

    @property
    def size(self) -> int:
        return self.content_bytes + sum(one.answer_bytes for one in self.reports)


async def fit_known(context: IntakeContext, project: IntakeProject, given: Sequence[GivenReport]) -> Fits:
    """Fit new reports to the records that they will most likely be about."""
    async with context.database.transaction() as session:
        fits = Fits(await _schemas(session, project, given))
        subjects = await _subjects(session, project, given)
    await fit(context, project, given, fits, subjects.items())
    return fits


async def fit(
    context: IntakeContext,
    project: IntakeProject,
    given: Sequence[GivenReport],
    fits: Fits,
    wanted: Iterable[Wanted],
) -> None:
    """Fit reports to records: those that are kept, and those that become records with these reports.

    Raises:
        ImportInterrupted: see `Fits.try_again`.
    """
    by_line = {one.line: one for one in given}
    reports: dict[UUID, list[GivenReport]] = defaultdict(list)
    wanted = list(wanted)
    fits.try_again(wanted)
    for line, record_id in wanted:
        if fits.schemas[_version(project, by_line[line])] is not None:
            reports[record_id].append(by_line[line])
    await _fit_all(context, project, fits, _of_candidates(given, reports))
    async for loaded in _of_records(context, project, reports):
        await _fit_all(context, project, fits, loaded)


async def _subjects(session: Session, project: IntakeProject, given: Sequence[GivenReport]) -> dict[int, UUID]:
    """The records that new reports will most likely be about, by line: others write as well."""
    project_id = project.project_id
    known = await feedback_storage.find(session, project_id, [one.report_hash for one in given])
    fresh = [one for one in given if one.report_hash not in known]
    candidates = [one.candidate for one in fresh if one.candidate is not None]
    await records.use_assets(session, project, candidates)
    names = {
        one.line: external_hash(project, one.report.external_id)
        for one in fresh
        if one.report.external_id is not None and one.candidate is None
    }
    named = await storage.find_external(session, project_id, set(names.values())) if names else {}
    held = await storage.find_held(session, project_id, candidates) if candidates else None
    first_named: dict[bytes, UUID] = {}
    first_held: dict[bytes, UUID] = {}
    for item in candidates:
        first_held.setdefault(item.content_hash, item.record_id)
        if item.external_hash is not None:
            first_named.setdefault(item.external_hash, item.record_id)
    subjects: dict[int, UUID] = {}
    for one in fresh:
        subject = one.report.record_id or one.known_record
        if subject is None and one.candidate is None:
            subject = named.get(names[one.line]) or first_named.get(names[one.line])
        elif subject is None and one.candidate is not None:
            found = held.of(one.candidate) if held else None
            subject = found.record_id if found else first_held[one.candidate.content_hash]
        if subject is not None:
            subjects[one.line] = subject
    return subjects


def _of_candidates(given: Sequence[GivenReport], reports: Mapping[UUID, Sequence[GivenReport]]) -> Iterator[_Fitting]:
    """Of records that these reports make."""
    for candidate in (one.candidate for one in given):
        if candidate is not None and candidate.record_id in reports:
            size = sum(len(value) for value in candidate.fields.values() if isinstance(value, str))
            size += _REDACTION_BYTES * sum(map(len, candidate.redactions.values()))
            content = RecordContent(candidate.content_hash, dict(candidate.fields), candidate.redactions)
            yield _Fitting(candidate.record_id, content, size, reports[candidate.record_id])


async def _of_records(
    context: IntakeContext, project: IntakeProject, reports: Mapping[UUID, Sequence[GivenReport]]
) -> AsyncIterator[list[_Fitting]]:
    """Of records that are kept: so many at a time as may be in memory."""
    if not reports:
        return
    async with context.database.transaction() as session:
        sizes = await storage.content_sizes(session, project.project_id, reports.keys())
    for group in _groups(list(sizes), lambda record_id: sizes[record_id], _LOADED_AT_ONCE_BYTES):
        async with context.database.transaction() as session:
            contents = await storage.contents(session, project.project_id, group)
        yield [
            _Fitting(record_id, content, sizes[record_id], reports[record_id])
            for record_id, content in contents.items()
        ]


async def _fit_all(context: IntakeContext, project: IntakeProject, fits: Fits, fittings: Iterable[_Fitting]) -> None:
    """What is small together in a thread, what is large in worker processes."""
    small: list[_Fitting] = []
    for fitting in fittings:
        if fitting.size <= FITTED_AT_ONCE_BYTES and not project.policies.deidentification.reads_context:
            small.append(fitting)
            continue
        for reports in _groups(fitting.reports, lambda one: one.answer_bytes, _FITTED_IN_ONE_CALL_BYTES):
            fitted = await _fit_large(context, project, fits, fitting, reports)
            _note(fits, replace(fitting, reports=reports), fitted)
    calls = [_arguments(project, fits, fitting, fitting.reports) for fitting in small]
    if calls:
        for fitting, fitted in zip(small, await beside_the_loop(_fit_each, calls), strict=True):
            _note(fits, fitting, fitted)


def _note(fits: Fits, fitting: _Fitting, fitted: Sequence[FitVerdict]) -> None:
    for one, verdict in zip(fitting.reports, fitted, strict=True):
        fits.add((one.line, fitting.record_id), fitting.content.content_hash, verdict)


async def _fit_large(
    context: IntakeContext, project: IntakeProject, fits: Fits, fitting: _Fitting, reports: Sequence[GivenReport]
) -> list[FitVerdict]:
    """Halve the reports until the one stands alone that needs more time or memory than it may have."""
    try:
        return await context.compute.run(
            fit_reports,
            *_arguments(project, fits, fitting, reports),
            project_id=project.project_id,
            timeout_s=_TIMEOUT_S,
        )
    except ComputeFailed:
        if len(reports) == 1:
            return [NotAccepted("", "too-costly", "it takes too much time or memory")]
        middle = len(reports) // 2
        halves = [
            await _fit_large(context, project, fits, fitting, half) for half in (reports[:middle], reports[middle:])
        ]
        return [*halves[0], *halves[1]]


def _fit_each(calls: Sequence[_Arguments]) -> list[list[FitVerdict]]:
    return [fit_reports(*call) for call in calls]


def _arguments(project: IntakeProject, fits: Fits, fitting: _Fitting, reports: Sequence[GivenReport]) -> _Arguments:
    """Of `fit_reports`."""
    given = [
        AnswersToFit(_version(project, one), one.report.prediction, one.report.correction, one.report.offset_unit)
        for one in reports
    ]
    schemas = {version: schema for one in given if (schema := fits.schemas[version := one.schema_version])}
    return fitting.content, given, schemas, project.policies.deidentification


def _groups(items: Sequence[T], size_of: Callable[[T], int], at_most: int) -> Iterator[list[T]]:
    """The items in their order, in groups of so many bytes; what is larger stands alone."""
    group: list[T] = []
    size = 0
    for item in items:
        if group and size + size_of(item) > at_most:
            yield group
            group, size = [], 0
        group.append(item)
        size += size_of(item)
    if group:
        yield group


async def _schemas(
    session: Session, project: IntakeProject, given: Sequence[GivenReport]
) -> dict[int, LabelSchema | None]:
    schemas: dict[int, LabelSchema | None] = {project.schema_version: project.schema}
    for version in {_version(project, one) for one in given} - {project.schema_version}:
        known = version <= _LARGEST_VERSION
        schemas[version] = await project_storage.load_schema(session, project.project_id, version) if known else None
    return schemas


def _version(project: IntakeProject, one: GivenReport) -> int:
    return one.report.schema_version or project.schema_version
