"""Leasing the next tasks: who asks, what they may draw from, what is there."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.queue.domain.project import Project
from services.queue.domain.reasons import Nothing, Reason, nothing, why_nothing
from services.queue.domain.refusals import NotRegistered, UnknownProject
from services.queue.domain.serving import ServingPlan, plan
from services.queue.operations.endings import log_end
from services.queue.storage import claims, projects, submissions, supply
from services.queue.storage.claims import Entry, Leased
from shared.contracts.draws import draw
from shared.contracts.policies import Policies
from shared.contracts.values import ProjectStatus, TaskKind
from shared.kit.database import Session

ALL_KINDS = frozenset({TaskKind.ANNOTATION, TaskKind.ARBITRATION})


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for how much. `soon_s`: after how many seconds to ask again when something may turn up at any moment.

    `ending`: how many of the leases that are held end in this transaction.
    """

    subject: str
    arbiter: bool
    project_id: UUID
    count: int
    soon_s: int
    kinds: Collection[TaskKind] = ALL_KINDS
    ending: int = 0


@dataclass(frozen=True, slots=True)
class Granted:
    """Leases, or why there is none."""

    project: Project
    leases: list[Leased]
    nothing: Nothing | None = None


async def lease_next(session: Session, asking: Asking, now: datetime, *, lazily: bool) -> Granted:
    """Lease up to `count` tasks. `lazily`: nothing else in this transaction needs to survive a crash.

    Raises:
        NotRegistered: the subject is no annotator.
        UnknownProject: the project is not known here.
    """
    entry = await _enter(session, asking, lazily=lazily)
    project = await projects.find(session, asking.project_id, entry.project_revision)
    assert project is not None
    if entry.standing.arbiter is not asking.arbiter:
        await claims.set_arbiter(session, entry.annotator_id, arbiter=asking.arbiter)
    refused = _refused(project, entry)
    if refused is not None:
        return Granted(project, [], nothing(refused, asking.soon_s))
    policies = project.policies
    chosen = _plan(project, entry, asking)
    if chosen.count < 1:
        return Granted(project, [], nothing(Reason.LIMIT_REACHED, asking.soon_s))
    serving = policies.serving
    leases, overtaken = await claims.claim(
        session,
        entry.annotator_id,
        project.project_id,
        chosen,
        most_held=serving.leases_per_annotator + asking.ending,
        now=now,
        ttl_s=serving.lease_ttl_s,
    )
    for one in overtaken:
        await log_end(
            session,
            submissions.Ending(
                one.token,
                one.task_id,
                one.slot,
                project.project_id,
                one.record_id,
                one.annotator_id,
                one.kind,
                one.round,
                "expired",
                one.leased_at,
                now,
            ),
        )
    if leases:
        return Granted(project, leases)
    return Granted(project, [], nothing(await _why(session, entry, policies, chosen, asking, now), asking.soon_s))


async def held_leases(session: Session, subject: str, project_id: UUID) -> Granted:
    """The leases that an annotator holds already."""
    asking = Asking(subject, arbiter=False, project_id=project_id, count=1, soon_s=1)
    entry = await _enter(session, asking, lazily=True)
    project = await projects.find(session, project_id, entry.project_revision)
    assert project is not None
    return Granted(project, await claims.leased_in(session, entry.annotator_id, project_id))


async def _enter(session: Session, asking: Asking, *, lazily: bool) -> Entry:
    entry = await claims.enter(session, asking.subject, asking.project_id, lazily=lazily)
    if entry is None:
        annotator, project = await claims.join(session, asking.subject, asking.project_id)
        if not annotator:
            raise NotRegistered("A manager registers annotators with POST /v1/annotators.")
        if not project:
            raise UnknownProject(asking.project_id)
        entry = await claims.enter(session, asking.subject, asking.project_id, lazily=lazily)
        assert entry is not None
    return entry


def _refused(project: Project, entry: Entry) -> Reason | None:
    if entry.standing.paused or entry.project_status != ProjectStatus.ACTIVE or not entry.servable:
        return Reason.PAUSED
    serving = project.policies.serving
    if serving.skill is not None and entry.skill(serving.skill) < serving.minimum_skill:
        return Reason.NO_SKILL
    return None


def _plan(project: Project, entry: Entry, asking: Asking) -> ServingPlan:
    policies, standing = project.policies, entry.standing
    count = min(asking.count, policies.serving.leases_per_annotator)
    limit = policies.serving.annotations_per_annotator
    if limit is not None:
        count = min(count, limit - (standing.granted - standing.returned))
    return plan(
        policies,
        standing,
        asking.arbiter,
        count,
        asking.kinds,
        lambda nonce: draw(project.salt, "gold", entry.annotator_id, nonce),
        lambda nonce: draw(project.salt, "serve", entry.annotator_id, nonce),
    )


async def _why(
    session: Session, entry: Entry, policies: Policies, chosen: ServingPlan, asking: Asking, now: datetime
) -> Reason:
    held = await claims.count_held(session, entry.annotator_id, asking.project_id)
    if held >= policies.serving.leases_per_annotator + asking.ending:
        return Reason.LIMIT_REACHED
    left = await supply.left(session, asking.project_id, chosen.wants)
    if left.for_us:  # free, but not for this annotator: perhaps for nobody
        await supply.suspect(session, asking.project_id, chosen.wants, now)
    return why_nothing(left)
