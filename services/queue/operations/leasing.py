"""Leasing the next tasks: who asks, what they may draw from, what is there."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.queue.domain.project import Project
from services.queue.domain.reasons import Nothing, Reason, nothing, why_nothing
from services.queue.domain.refusals import NotRegistered, UnknownProject
from services.queue.domain.serving import ServingPlan, plan
from services.queue.storage import arrivals, claims, projects, supply
from services.queue.storage.claims import Entry, Leased
from shared.contracts.draws import draw
from shared.contracts.policies import Policies
from shared.contracts.values import ProjectStatus, TaskKind
from shared.kit.database import Session

_LOOKS = 4
"""How often a batch looks for what is missing: what is near may be few records with many slots, or all in one line."""
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
        if asking.arbiter:
            await arrivals.add(session, entry.annotator_id)
    refused = _refused(project, entry)
    if refused is not None:
        return Granted(project, [], nothing(refused, asking.soon_s))
    chosen = _plan(project, entry, asking)
    if chosen.count < 1:
        return Granted(project, [], nothing(Reason.LIMIT_REACHED, asking.soon_s))
    claims.remember(session, asking.subject, asking.project_id, None)  # what happens now may be rolled back
    leases: list[Leased] = []
    for _ in range(_LOOKS):
        claimed = await _claim(session, project, entry, chosen, asking, now, lazily=lazily)
        assert claimed is not None
        leases += claimed
        if not claimed or len(claimed) == chosen.count:
            break
        entry = await _enter(session, asking, lazily=lazily)
        chosen = _plan(project, entry, replace(asking, count=chosen.count - len(claimed)))
    return await _granted(session, project, entry, chosen, asking, leases, now)


async def lease_at_once(session: Session, asking: Asking, now: datetime) -> Granted | None:
    """Lease one task in one statement that is a transaction by itself, trusting what is remembered of who asks.

    The statement sees to it that it still holds. None when it is not the common case: then `lease_next` is to be called.
    """
    entry = claims.remembered(session, asking.subject, asking.project_id)
    for _ in range(2):
        if entry is None:
            entry = await claims.read_entry(session, asking.subject, asking.project_id)
            if entry is None:
                return None
        project = await projects.find(session, asking.project_id, entry.project_revision)
        if project is None or entry.standing.arbiter is not asking.arbiter or _refused(project, entry) is not None:
            claims.remember(session, asking.subject, asking.project_id, None)
            return None
        chosen = _plan(project, entry, asking)
        if not chosen.is_plain:
            return None
        claimed = await _claim(session, project, entry, chosen, asking, now, lazily=True)
        if claimed is not None:
            granted = entry.standing.granted + len(claimed)
            known = replace(entry, standing=replace(entry.standing, granted=granted))
            claims.remember(session, asking.subject, asking.project_id, known)
            return await _granted(session, project, entry, chosen, asking, claimed, now)
        entry = None
    claims.remember(session, asking.subject, asking.project_id, None)
    return None


async def _claim(
    session: Session,
    project: Project,
    entry: Entry,
    chosen: ServingPlan,
    asking: Asking,
    now: datetime,
    *,
    lazily: bool,
) -> list[Leased] | None:
    serving = project.policies.serving
    return await claims.claim(
        session,
        entry,
        project.project_id,
        chosen,
        most_held=serving.leases_per_annotator + asking.ending,
        now=now,
        ttl_s=serving.lease_ttl_s,
        lazily=lazily,
    )


async def _granted(
    session: Session,
    project: Project,
    entry: Entry,
    chosen: ServingPlan,
    asking: Asking,
    claimed: list[Leased],
    now: datetime,
) -> Granted:
    if claimed:
        return Granted(project, sorted(claimed, key=lambda leased: leased.place))
    reason = await _why(session, entry, project.policies, chosen, asking, now)
    return Granted(project, [], nothing(reason, asking.soon_s))


async def held_leases(session: Session, subject: str, project_id: UUID) -> Granted:
    """The leases that an annotator holds already."""
    asking = Asking(subject, arbiter=False, project_id=project_id, count=1, soon_s=1)
    entry = await _enter(session, asking, lazily=True)
    project = await projects.find(session, project_id, entry.project_revision)
    assert project is not None
    return Granted(project, await claims.leased_in(session, entry.annotator_id, project_id))


async def _enter(session: Session, asking: Asking, *, lazily: bool) -> Entry:
    while True:  # twice at most, or once more when annotator or project become known between joining and looking
        entry = await claims.enter(session, asking.subject, asking.project_id, lazily=lazily)
        if entry is not None:
            return entry
        annotator, project = await claims.join(session, asking.subject, asking.project_id)
        if not annotator:
            raise NotRegistered("A manager registers annotators with POST /v1/annotators.")
        if not project:
            raise UnknownProject(asking.project_id)


def _refused(project: Project, entry: Entry) -> Reason | None:
    if entry.project_status == ProjectStatus.ARCHIVED:
        return Reason.ARCHIVED
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
    left = await supply.left(session, asking.project_id, entry.annotator_id, chosen.wants)
    if left.had:  # free, but not for this annotator: perhaps for nobody
        await supply.suspect(session, asking.project_id, chosen.wants, now)
    return why_nothing(left)
