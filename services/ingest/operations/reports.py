"""Keep what product systems report. qa decides what it re-opens."""

from dataclasses import dataclass
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
from services.ingest.storage.records import StoredRecord
from shared.contracts.answers import LabelSchema
from shared.contracts.values import Answers, RecordState
from shared.kit.database import Session
from shared.kit.exceptions import EventTooLarge
from shared.kit.outbox import publish

LARGEST_VERSION = 2**31 - 1
"""What a version's column holds."""


@dataclass(frozen=True, slots=True)
class KeptReport:
    feedback_id: UUID
    record_id: UUID
    duplicate: bool


async def report(
    session: Session,
    project: IntakeProject,
    given: ReportIn,
    known_record: UUID | None,
    candidate: RecordCandidate | None,
    files: dict[UUID, list[Asset]],
    feedback_id: UUID,
    now: datetime,
) -> KeptReport:
    """Keep one report and publish it.

    `known_record` is the record that its input was found to be; `candidate` the one it becomes if it is not known.

    Raises:
        NotAccepted: it breaks a rule, or its id came before with another body.
    """
    report_hash, body_hash = domain.report_hashes(project, given)
    known = await storage.find(session, project.project_id, report_hash)
    if known is not None:
        return _again(known, body_hash)
    record_id = known_record or await _find_or_keep(session, project, given, candidate, files)
    record = await records.load(session, record_id, lock=True)
    if record.state is RecordState.ERASED:
        raise records.erased()
    version, schema = await _schema(session, project, given)
    payload = domain.payload(given, feedback_id, version, _fitted(schema, record, given), given.observed_at or now)
    if not await storage.insert(session, project.project_id, record_id, report_hash, body_hash, payload):
        known = await storage.find(session, project.project_id, report_hash)
        if known is None:
            raise RuntimeError("the report was there and is gone")
        return _again(known, body_hash)
    try:
        await publish(session, payload, project_id=project.project_id, record_id=record_id)
    except EventTooLarge:
        raise NotAccepted("", "report-too-large", "the answers are larger than an event may be") from None
    return KeptReport(feedback_id, record_id, duplicate=False)


def _again(known: storage.KeptFeedback, body_hash: bytes) -> KeptReport:
    if known.body_hash != body_hash:
        raise NotAccepted("/feedback_id", "feedback-id-reused", "another report came with this feedback_id")
    return KeptReport(known.feedback_id, known.record_id, duplicate=True)


async def _find_or_keep(
    session: Session,
    project: IntakeProject,
    given: ReportIn,
    candidate: RecordCandidate | None,
    files: dict[UUID, list[Asset]],
) -> UUID:
    if given.record_id is not None:
        record = await record_storage.load(session, given.record_id)
        if record is None or record.project_id != project.project_id:
            raise NotAccepted("/record_id", "record-unknown", "the project has no such record")
        return given.record_id
    if given.external_id is not None:
        hashed = external_hash(project, given.external_id)
        found = await record_storage.find_external(session, project.project_id, hashed)
        if found is not None:
            return found
    if candidate is None:
        raise NotAccepted("/external_id", "record-unknown", "no record has this external_id, and no fields came")
    verdict = (await records.keep(session, project, [candidate], files))[candidate.record_id]
    if isinstance(verdict, NotAccepted):
        raise verdict
    return verdict.record_id


async def _schema(session: Session, project: IntakeProject, given: ReportIn) -> tuple[int, LabelSchema]:
    if given.schema_version in {None, project.schema_version}:
        return project.schema_version, project.schema
    version = given.schema_version or 0
    known = version <= LARGEST_VERSION
    schema = await project_storage.load_schema(session, project.project_id, version) if known else None
    if schema is None:
        raise NotAccepted("/schema_version", "schema-version-unknown", "the project has no such schema version")
    return version, schema


def _fitted(schema: LabelSchema, record: StoredRecord, given: ReportIn) -> tuple[Answers | None, Answers | None]:
    fields, redactions = record.fields or {}, record.redactions
    return (
        domain.fit_answers(schema, fields, redactions, given.prediction, "prediction"),
        domain.fit_answers(schema, fields, redactions, given.correction, "correction"),
    )
