"""Keep what product systems report, a set at a time. qa decides what it re-opens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.ingest.domain import reports as domain
from services.ingest.domain.intake import IntakeProject, RecordCandidate, external_hash
from services.ingest.domain.reports import ReportIn
from services.ingest.exceptions import NotAccepted
from services.ingest.operations import records
from services.ingest.storage import feedback as storage
from services.ingest.storage import projects as project_storage
from services.ingest.storage import records as record_storage
from services.ingest.storage.assets import Asset
from services.ingest.storage.feedback import KeptFeedback, NewFeedback
from services.ingest.storage.records import StoredRecord
from shared.contracts.answers import LabelSchema
from shared.contracts.values import Answers, RecordState
from shared.kit.clock import new_id
from shared.kit.database import Session
from shared.kit.exceptions import EventTooLarge
from shared.kit.outbox import NewEvent, Outgoing, add_events, prepare

LARGEST_VERSION = 2**31 - 1
"""What a version's column holds."""


@dataclass(frozen=True, slots=True)
class KeptReport:
    feedback_id: UUID
    record_id: UUID
    duplicate: bool


ReportVerdict = KeptReport | NotAccepted


@dataclass(frozen=True, slots=True)
class GivenReport:
    """A report with the number of its line and the keyed hashes of its name and of all of it.

    `known_record` is the record that its input was found to be; `candidate` the one it becomes if it is not known.
    """

    line: int
    report: ReportIn
    report_hash: bytes
    body_hash: bytes
    known_record: UUID | None
    candidate: RecordCandidate | None


@dataclass(slots=True)
class _Subjects:
    """The records that reports are about, by line. `made`: those that are new. `refused`: reports about nothing known, or
    about a record with another content.
    """

    records: dict[int, UUID] = field(default_factory=dict)
    made: dict[int, UUID] = field(default_factory=dict)
    refused: dict[int, NotAccepted] = field(default_factory=dict)


class _MadeInVain(Exception):
    """A record was made for a report that is refused, so nothing of the set may stay. `final`: what is refused anyway."""

    def __init__(self, final: Mapping[int, NotAccepted]) -> None:
        super().__init__()
        self.final = final


async def keep(
    session: Session,
    project: IntakeProject,
    given: Sequence[GivenReport],
    files: dict[UUID, list[Asset]],
    now: datetime,
) -> dict[int, ReportVerdict]:
    """Keep what is new and publish it; returns a verdict for each line.

    A report that is refused leaves no record behind. If one was made for it, the set is undone and done again without the
    reports that are refused for themselves; those that were held against such a record are looked at again. So is what
    has the same name as a report that is refused.
    """
    verdicts: dict[int, ReportVerdict] = {}
    waiting = list(given)
    while waiting:
        try:
            async with session.savepoint():
                verdicts |= await _keep_names(session, project, waiting, files, now)
        except _MadeInVain as vain:
            verdicts |= vain.final
        waiting = [one for one in waiting if one.line not in verdicts]
    return verdicts


async def _keep_names(
    session: Session,
    project: IntakeProject,
    given: Sequence[GivenReport],
    files: dict[UUID, list[Asset]],
    now: datetime,
) -> dict[int, ReportVerdict]:
    """Keep the first report of each name; the verdicts on it, and where there is a kept one, on the others of the name."""
    firsts: dict[bytes, GivenReport] = {}
    for one in given:
        firsts.setdefault(one.report_hash, one)
    known = await storage.find(session, project.project_id, list(firsts))
    fresh = [one for name, one in firsts.items() if name not in known]
    verdicts = await _keep_new(session, project, fresh, files, now) if fresh else {}
    for one in fresh:
        verdict = verdicts[one.line]
        if isinstance(verdict, KeptReport):
            known[one.report_hash] = KeptFeedback(verdict.feedback_id, verdict.record_id, one.body_hash)
    for one in given:
        if one.line not in verdicts and one.report_hash in known:
            verdicts[one.line] = _again(known[one.report_hash], one)
    return verdicts


def _again(known: KeptFeedback, given: GivenReport) -> ReportVerdict:
    if known.body_hash != given.body_hash:
        return NotAccepted("/feedback_id", "feedback-id-reused", "another report came with this feedback_id")
    return KeptReport(known.feedback_id, known.record_id, duplicate=True)


async def _keep_new(
    session: Session,
    project: IntakeProject,
    given: Sequence[GivenReport],
    files: dict[UUID, list[Asset]],
    now: datetime,
) -> dict[int, ReportVerdict]:
    """Keep reports, each of another name. Raises _MadeInVain."""
    subjects = await _find_or_keep(session, project, given, files)
    held = await record_storage.lock(session, project.project_id, set(subjects.records.values()))
    schemas = await _schemas(session, project, given)
    refused = dict(subjects.refused)
    fitting: list[tuple[GivenReport, NewFeedback, NewEvent]] = []
    for one in given:
        if one.line in refused:
            continue
        try:
            new = _fitted(project, one, held.get(subjects.records[one.line]), schemas, now)
            fitting.append((one, new, _event(project, new)))
        except NotAccepted as error:
            refused[one.line] = error
    vain = {subjects.made[line] for line in refused if line in subjects.made}
    if vain:
        raise _MadeInVain(
            {
                line: error
                for line, error in refused.items()
                if line in subjects.made or subjects.records.get(line) not in vain
            }
        )
    return {**refused, **await _insert(session, project, fitting)}


async def _insert(
    session: Session, project: IntakeProject, fitting: Sequence[tuple[GivenReport, NewFeedback, NewEvent]]
) -> dict[int, ReportVerdict]:
    """Keep and publish what nobody else has kept meanwhile."""
    if not fitting:
        return {}
    added = await storage.insert(session, project.project_id, [new for _, new, _ in fitting])
    events = [event for _, new, event in fitting if new.payload.feedback_id in added]
    if events:
        await add_events(session, events)
    verdicts: dict[int, ReportVerdict] = {
        one.line: KeptReport(new.payload.feedback_id, new.record_id, duplicate=False)
        for one, new, _ in fitting
        if new.payload.feedback_id in added
    }
    raced = [one for one, _, _ in fitting if one.line not in verdicts]
    if raced:
        known = await storage.find(session, project.project_id, [one.report_hash for one in raced])
        verdicts |= {one.line: _again(known[one.report_hash], one) for one in raced}
    return verdicts


async def _find_or_keep(
    session: Session, project: IntakeProject, given: Sequence[GivenReport], files: dict[UUID, list[Asset]]
) -> _Subjects:
    """Find what the reports are about: by id, by external id, by content; and keep the records that are new."""
    subjects = _Subjects()
    named: dict[int, bytes] = {}
    for one in given:
        known = one.report.record_id or one.known_record
        if known is not None:
            subjects.records[one.line] = known
        elif one.report.external_id is not None:
            named[one.line] = external_hash(project, one.report.external_id)
    await _find_named(session, project, subjects, named)
    subjects.refused |= await _use_assets(session, project, subjects, given)
    unknown = [one for one in given if one.line not in subjects.records]
    without_fields = {one.line: named[one.line] for one in unknown if one.candidate is None}
    if len(without_fields) < len(unknown):
        await _keep_records(session, project, subjects, unknown, files)
        await _find_named(session, project, subjects, without_fields)  # by the names of what was made just now
    for line in without_fields:
        if line not in subjects.records:
            subjects.refused[line] = NotAccepted(
                "/external_id", "record-unknown", "no record has this external_id, and no fields came"
            )
    return subjects


async def _use_assets(
    session: Session, project: IntakeProject, subjects: _Subjects, given: Sequence[GivenReport]
) -> dict[int, NotAccepted]:
    """Hash the contents of reports about known records that hold uploaded files, so that they can be compared."""
    users = {
        one.line: one.candidate
        for one in given
        if one.candidate and one.candidate.assets and one.line in subjects.records
    }
    refused = await records.use_assets(session, project, users.values())
    return {line: refused[item.record_id] for line, item in users.items() if item.record_id in refused}


async def _keep_records(
    session: Session,
    project: IntakeProject,
    subjects: _Subjects,
    unknown: Sequence[GivenReport],
    files: dict[UUID, list[Asset]],
) -> None:
    candidates = {one.line: one.candidate for one in unknown if one.candidate is not None}
    verdicts = await records.keep(session, project, list(candidates.values()), files)
    for line, candidate in candidates.items():
        verdict = verdicts[candidate.record_id]
        if isinstance(verdict, NotAccepted):
            subjects.refused[line] = verdict
            if verdict.record_id is not None:
                subjects.records[line] = verdict.record_id  # which may have been made in vain
            continue
        subjects.records[line] = verdict.record_id
        if not verdict.duplicate:
            subjects.made[line] = verdict.record_id


async def _find_named(
    session: Session, project: IntakeProject, subjects: _Subjects, named: Mapping[int, bytes]
) -> None:
    if named:
        found = await record_storage.find_external(session, project.project_id, set(named.values()))
        subjects.records |= {line: found[name] for line, name in named.items() if name in found}


async def _schemas(
    session: Session, project: IntakeProject, given: Sequence[GivenReport]
) -> dict[int, LabelSchema | None]:
    """The versions of the schema that the reports name; None where the project has no such version."""
    schemas: dict[int, LabelSchema | None] = {project.schema_version: project.schema}
    for version in {one.report.schema_version for one in given} - {None, project.schema_version}:
        assert version is not None
        known = version <= LARGEST_VERSION
        schemas[version] = await project_storage.load_schema(session, project.project_id, version) if known else None
    return schemas


def _fitted(
    project: IntakeProject,
    given: GivenReport,
    record: StoredRecord | None,
    schemas: Mapping[int, LabelSchema | None],
    now: datetime,
) -> NewFeedback:
    """The report as it applies to its record. Raises NotAccepted."""
    report = given.report
    if record is None:
        raise NotAccepted("/record_id", "record-unknown", "the project has no such record")
    if record.state is RecordState.ERASED:
        raise records.erased()
    if given.candidate is not None and given.candidate.content_hash != record.content_hash:
        raise records.content_differs(record.record_id, "/external_id" if report.record_id is None else "/record_id")
    version = report.schema_version or project.schema_version
    schema = schemas[version]
    if schema is None:
        raise NotAccepted("/schema_version", "schema-version-unknown", "the project has no such schema version")
    payload = domain.payload(
        report, new_id(), version, _answers(project, schema, record, report), report.observed_at or now
    )
    return NewFeedback(given.report_hash, given.body_hash, record.record_id, payload)


def _answers(
    project: IntakeProject, schema: LabelSchema, record: StoredRecord, report: ReportIn
) -> tuple[Answers | None, Answers | None]:
    fields, redactions = record.fields or {}, record.redactions
    recognisers = project.policies.deidentification.recognisers
    return (
        domain.fit_answers(schema, fields, redactions, report.prediction, "prediction", recognisers),
        domain.fit_answers(schema, fields, redactions, report.correction, "correction", recognisers),
    )


def _event(project: IntakeProject, new: NewFeedback) -> NewEvent:
    try:
        return prepare(Outgoing(payload=new.payload, project_id=project.project_id, record_id=new.record_id))
    except EventTooLarge:
        raise NotAccepted("", "report-too-large", "the answers are larger than an event may be") from None
