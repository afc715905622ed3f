"""Keep what product systems report, a set at a time. qa decides what it re-opens."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.ingest.domain import reports as domain
from services.ingest.domain.intake import IntakeProject, external_hash
from services.ingest.domain.reports import GivenReport
from services.ingest.exceptions import NotAccepted
from services.ingest.operations import records
from services.ingest.operations.report_fitting import Fits, NotFitted, Wanted
from services.ingest.storage import feedback as storage
from services.ingest.storage import records as record_storage
from services.ingest.storage.assets import Asset
from services.ingest.storage.feedback import KeptFeedback, NewFeedback
from services.ingest.storage.records import RecordHead
from shared.kit.clock import new_id
from shared.kit.database import Session
from shared.kit.exceptions import EventTooLarge
from shared.kit.outbox import NewEvent, Outgoing, add_events, prepare

_MANY_ANSWER_BYTES = 16 * 1024
"""After a report of more, which is written as JSON, others have their turn."""


@dataclass(frozen=True, slots=True)
class KeptReport:
    feedback_id: UUID
    record_id: UUID
    duplicate: bool


ReportVerdict = KeptReport | NotAccepted


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
    fits: Fits,
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
                verdicts |= await _keep_names(session, project, waiting, files, fits, now)
        except _MadeInVain as vain:
            verdicts |= vain.final
        waiting = [one for one in waiting if one.line not in verdicts]
    return verdicts


async def _keep_names(
    session: Session,
    project: IntakeProject,
    given: Sequence[GivenReport],
    files: dict[UUID, list[Asset]],
    fits: Fits,
    now: datetime,
) -> dict[int, ReportVerdict]:
    """Keep the first report of each name; the verdicts on it, and where there is a kept one, on the others of the name."""
    firsts: dict[bytes, GivenReport] = {}
    for one in given:
        firsts.setdefault(one.report_hash, one)
    known = await storage.find(session, project.project_id, list(firsts))
    fresh = [one for name, one in firsts.items() if name not in known]
    verdicts = await _keep_new(session, project, fresh, files, fits, now) if fresh else {}
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
    fits: Fits,
    now: datetime,
) -> dict[int, ReportVerdict]:
    """Keep reports, each of another name. Raises _MadeInVain, NotFitted."""
    subjects = await _find_or_keep(session, project, given, files)
    held = await record_storage.lock(session, project.project_id, set(subjects.records.values()))
    refused = dict(subjects.refused)
    not_fitted: list[Wanted] = []
    fitting: list[tuple[GivenReport, NewFeedback, NewEvent]] = []
    for one in given:
        if one.line in refused:
            continue
        try:
            new = _fitted(project, one, subjects.records[one.line], held, fits, now)
            fitting.append((one, new, _event(project, new)))
        except NotAccepted as error:
            refused[one.line] = error
        except NotFitted as error:
            not_fitted += error.wanted
        if one.answer_bytes > _MANY_ANSWER_BYTES:
            await asyncio.sleep(0)
    if not_fitted:
        raise NotFitted(not_fitted)
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


def _fitted(
    project: IntakeProject,
    given: GivenReport,
    record_id: UUID,
    held: Mapping[UUID, RecordHead],
    fits: Fits,
    now: datetime,
) -> NewFeedback:
    """The report as it applies to its record. Raises NotAccepted; NotFitted where that is yet to be found out."""
    report, head = given.report, held.get(record_id)
    domain.check_observed(report, now)
    if head is None:
        raise NotAccepted("/record_id", "record-unknown", "the project has no such record")
    if head.erased:
        raise records.erased()
    if given.candidate is not None and given.candidate.content_hash != head.content_hash:
        raise records.content_differs(record_id, "/external_id" if report.record_id is None else "/record_id")
    version = report.schema_version or project.schema_version
    if fits.schemas[version] is None:
        raise NotAccepted("/schema_version", "schema-version-unknown", "the project has no such schema version")
    answers = fits.of(given.line, record_id, head)
    if answers is None:
        raise NotFitted([(given.line, record_id)])
    if isinstance(answers, NotAccepted):
        raise answers
    payload = domain.payload(report, new_id(), version, answers, report.observed_at or now)
    return NewFeedback(given.report_hash, given.body_hash, record_id, payload)


def _event(project: IntakeProject, new: NewFeedback) -> NewEvent:
    try:
        return prepare(Outgoing(payload=new.payload, project_id=project.project_id, record_id=new.record_id))
    except EventTooLarge:
        raise domain.report_too_large() from None
