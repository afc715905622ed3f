"""Check what an annotator hands in against the schema of the lease, and mask the personal data in it.

What is light is done at once; long answers and texts are left to `finish_check`, outside the event loop and any transaction.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from uuid import UUID

import orjson

from services.queue.compute.masking import mask_work
from services.queue.domain.leases import TokenStatus, token_status
from services.queue.domain.project import Project
from services.queue.exceptions import (
    AnswersTooLarge,
    DraftTooLarge,
    ReasonRequired,
    SchemaViolated,
)
from services.queue.operations.leases import (
    MOST_ANSWER_BYTES,
    WITHOUT_DRAFT,
    as_draft,
    of_caller,
    refusal_of,
)
from services.queue.storage import leases
from services.queue.storage.leases import FoundLease
from services.queue.storage.projects import ProjectCache
from shared.contracts.answers import (
    Content,
    LabelSchema,
    OffsetUnit,
    Violation,
    accept,
    near_code_points,
    to_code_points,
)
from shared.contracts.answers.free_text import free_characters
from shared.contracts.values import Answers, BrokenRule, TaskKind
from shared.kit.auth import Principal
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.compute.pool import ComputePool
from shared.kit.concurrency import beside_the_loop
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere

MASKED_AT_ONCE = 2_000
"""Free text of more characters than that is masked in a worker process."""
MASKING_TIMEOUT_S = 20.0
CHECKED_AT_ONCE_BYTES = 16 * 1024
"""Answers of more bytes are checked beside the event loop."""


@dataclass(frozen=True, slots=True)
class Work:
    """What an annotator hands in. `active_s` is the time the frontend measured, `unit` that of text offsets."""

    answers: Answers
    active_s: float | None = None
    reason: str | None = None
    unit: OffsetUnit = OffsetUnit.CODE_POINTS


class Reading(Enum):
    """How answers are read: whether they have to fit the schema, and in which form they are kept."""

    ANNOTATION = auto()
    """They must fit, and are kept in canonical form."""
    REPEATED = auto()
    """They are compared, in canonical form, with what was kept before."""
    DRAFT = auto()
    """They are kept as they are, with offsets in code points."""
    LATE = auto()
    """They came too late to count, and are kept as a draft whatever they hold: an offset inside a character is moved."""


@dataclass(frozen=True, slots=True)
class CheckedWork:
    """Work that fits its lease, in canonical form and without personal data; where the lease takes no more work, what is kept
    as its draft.

    `large`: it is yet to be checked and masked, by `finish_check`.
    """

    found: FoundLease
    project: Project | None
    work: Work
    reading: Reading
    large: bool = False

    @property
    def schema(self) -> LabelSchema:
        """Of work that is read: what a lease that takes no more work is left has no project."""
        assert self.project is not None
        return self.project.schemas[self.found.lease.schema_version]


async def check_work(
    session: Session, projects: ProjectCache, principal: Principal, token: UUID, work: Work
) -> CheckedWork:
    """Check the work and mask what is typed freely, without any lock: size and schema first, which cost little.

    Large work is left to `finish_check`, which needs no session.

    Raises:
        UnknownLease: the caller has no lease of this token.
        AnswersTooLarge, SchemaViolated, ReasonRequired: the work can't be accepted.
    """
    running = await leases.find_running(session, token)
    found = of_caller(running if running is not None else await leases.find(session, token), principal)
    return await check_found(session, projects, found, token, work)


async def check_found(
    session: Session, projects: ProjectCache, found: FoundLease, token: UUID, work: Work
) -> CheckedWork:
    """As `check_work`, for a lease that is found and is the caller's."""
    status = token_status(found.lease, token)
    late = status is not TokenStatus.VALID and status is not TokenStatus.DONE
    if late and (status in WITHOUT_DRAFT or as_draft(work.answers) is None):
        return CheckedWork(found, None, Work({}, work.active_s), Reading.LATE)
    size = len(orjson.dumps(work.answers)) + len(work.reason or "")
    if size > MOST_ANSWER_BYTES and not late:
        raise AnswersTooLarge(f"At most {MOST_ANSWER_BYTES} bytes of JSON are kept.")
    project = await projects.find(session, found.lease.project_id, found.project_revision)
    if project is None:
        raise NotKnownHere("project", found.lease.project_id)
    if late:
        return _finish_if_light(CheckedWork(found, project, replace(work, reason=None), Reading.LATE), size)
    if status is TokenStatus.DONE:
        return _finish_if_light(CheckedWork(found, project, work, Reading.REPEATED), size)
    if found.lease.kind is TaskKind.ARBITRATION and not (work.reason or "").strip():
        raise ReasonRequired
    return _finish_if_light(CheckedWork(found, project, work, Reading.ANNOTATION), size)


def _finish_if_light(checked: CheckedWork, size: int) -> CheckedWork:
    """Read and mask work of so many bytes, unless that takes milliseconds: long answers, long text, offsets to convert."""
    if size >= CHECKED_AT_ONCE_BYTES or checked.work.unit is not OffsetUnit.CODE_POINTS or _is_long(checked):
        return replace(checked, large=True)
    return _masked(replace(checked, work=_read(checked)))


def _read(checked: CheckedWork) -> Work:
    """The work with offsets in code points; an annotation in canonical form. Raises SchemaViolated."""
    found, work, schema = checked.found, checked.work, checked.schema
    if checked.reading is Reading.LATE:
        answers = near_code_points(schema, found.content, work.answers, work.unit)
    elif checked.reading is not Reading.DRAFT:
        accepted = accept(schema, found.content, work.answers, unit=work.unit)
        if accepted.violations and checked.reading is Reading.ANNOTATION:
            raise SchemaViolated(accepted.violations)
        answers = accepted.answers
    elif work.unit is OffsetUnit.CODE_POINTS:
        answers = work.answers
    else:
        try:
            answers = to_code_points(schema, found.content, work.answers, work.unit)
        except BrokenRule as broken:
            raise SchemaViolated([Violation.of(broken)]) from None
    return replace(work, answers=answers, unit=OffsetUnit.CODE_POINTS)


def _is_long(checked: CheckedWork) -> bool:
    """Whether masking it takes milliseconds."""
    assert checked.project is not None
    most = 0 if checked.project.policies.deidentification.reads_context else MASKED_AT_ONCE
    return free_characters(checked.work.answers, _words(checked)) + len(checked.work.reason or "") > most


def _masked(checked: CheckedWork) -> CheckedWork:
    assert checked.project is not None
    work, policy = checked.work, checked.project.policies.deidentification
    answers, reason = mask_work(work.answers, work.reason, _words(checked), policy)
    return replace(checked, work=replace(work, answers=answers, reason=reason), large=False)


async def check_draft(
    session: Session, projects: ProjectCache, principal: Principal, token: UUID, work: Work
) -> CheckedWork:
    """Unfinished answers, masked as `check_work` does but not checked by the schema; large ones are left to `finish_check`.

    Raises:
        UnknownLease: the caller has no lease of this token.
        DraftTooLarge: they are larger than an annotation can be.
        StaleLease, AlreadySubmitted, RecordGone: the lease takes no draft.
    """
    draft = as_draft(work.answers)
    if draft is None:
        raise DraftTooLarge(f"At most {MOST_ANSWER_BYTES} bytes of JSON are kept.")
    found = of_caller(await leases.find(session, token), principal)
    status = token_status(found.lease, token)
    if status is TokenStatus.DONE or status in WITHOUT_DRAFT:
        raise refusal_of(status)
    project = await projects.find(session, found.lease.project_id, found.project_revision)
    if project is None:
        raise NotKnownHere("project", found.lease.project_id)
    return _finish_if_light(CheckedWork(found, project, work, Reading.DRAFT), len(draft))


async def finish_check(compute: ComputePool, checked: CheckedWork) -> CheckedWork:
    """Read and mask large work beside the event loop, outside a transaction; long text in a worker process.

    Raises:
        SchemaViolated: the work can't be accepted.
        AnswersTooLarge: masking it takes too long.
        RecogniserNotInstalled: the project's policy asks for a recogniser that is not here.
    """
    project = checked.project
    if not checked.large or project is None:
        return checked
    checked = replace(checked, work=await beside_the_loop(_read, checked))
    if not _is_long(checked):
        return _masked(checked)
    work = checked.work
    try:
        answers, reason = await compute.run(
            mask_work,
            work.answers,
            work.reason,
            _words(checked),
            project.policies.deidentification,
            project_id=project.project_id,
            timeout_s=MASKING_TIMEOUT_S,
        )
    except ComputeFailed as failure:
        if checked.reading is Reading.LATE:
            return replace(checked, project=None, work=Work({}, work.active_s), large=False)
        raise AnswersTooLarge("The text is too long to be searched for personal data.") from failure
    return replace(checked, work=replace(work, answers=answers, reason=reason), large=False)


async def schema_and_content(
    session: Session, projects: ProjectCache, principal: Principal, token: UUID
) -> tuple[LabelSchema, Content]:
    """What answers to a lease that the caller has are checked against."""
    found = of_caller(await leases.find(session, token), principal)
    status = token_status(found.lease, token)
    if status in {TokenStatus.GONE, TokenStatus.STALE, TokenStatus.RETURNED}:
        raise refusal_of(status)
    project = await projects.find(session, found.lease.project_id, found.project_revision)
    if project is None:
        raise NotKnownHere("project", found.lease.project_id)
    return project.schemas[found.lease.schema_version], found.content


async def violations_of(schema: LabelSchema, content: Content, answers: Answers, unit: OffsetUnit) -> list[Violation]:
    """What is wrong with answers. Call it outside a transaction: many regions, and converting offsets, take milliseconds,
    beside the event loop. Raises AnswersTooLarge as a submit does.
    """
    size = len(orjson.dumps(answers))
    if size > MOST_ANSWER_BYTES:
        raise AnswersTooLarge(f"At most {MOST_ANSWER_BYTES} bytes of JSON are kept.")
    if size < CHECKED_AT_ONCE_BYTES and unit is OffsetUnit.CODE_POINTS:
        return accept(schema, content, answers).violations
    return (await beside_the_loop(accept, schema, content, answers, unit=unit)).violations


def _words(checked: CheckedWork) -> frozenset[str]:
    """The schema's own words, which are no free text."""
    assert checked.project is not None
    return checked.project.words.get(checked.found.lease.schema_version, frozenset())
