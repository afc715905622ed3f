"""Lease the next tasks: who asks, what they may draw from, what is there."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import perf_counter
from uuid import UUID

from services.queue.domain.leases import Lease
from services.queue.domain.project import Project
from services.queue.domain.reasons import Nothing, Reason, WhatIsLeft, nothing, of_kinds, why_nothing
from services.queue.domain.routing import Lane
from services.queue.domain.serving_plan import Pick, ServingPlan, SlotCandidate, choose, mix_gold, plan
from services.queue.domain.slots import SlotState
from services.queue.exceptions import NotRegistered
from services.queue.storage import claims, memberships, servability, supply
from services.queue.storage.claims import Claim, Leased
from services.queue.storage.hints import LeaseHints
from services.queue.storage.leases import FoundLease
from services.queue.storage.memberships import Entrant
from services.queue.storage.projects import ProjectCache
from services.queue.storage.servability import NeededWorkforce
from services.queue.storage.walks import Stretch
from shared.contracts.draws import draw
from shared.contracts.values import AnnotatorStatus, AssessmentStatus, ProjectStatus, Role, TaskKind
from shared.kit.auth import Principal
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere

_LOOKS = 8
"""How often a batch looks for what is missing: what is near may be few records with many slots, or all in one line."""
_GIVEN_UP_LOOKED_AT = 200
_FIRST_OF_ALL = -(2**31)
ALL_KINDS = frozenset({TaskKind.ANNOTATION, TaskKind.ARBITRATION})


@dataclass(frozen=True, slots=True)
class WorkRequest:
    """Who asks for how much. `soon_s`: after how many seconds to ask again when something may turn up at any moment."""

    principal: Principal
    project_id: UUID
    count: int
    soon_s: int
    kinds: Collection[TaskKind] = ALL_KINDS

    @property
    def subject(self) -> str:
        return self.principal.subject

    @property
    def arbiter(self) -> bool:
        return self.principal.has(Role.ARBITER)

    def may_see(self, project: Project) -> bool:
        return not project.content.holds_personal_data or self.principal.has(Role.PERSONAL_DATA)


@dataclass(frozen=True, slots=True)
class Following:
    """How many tasks to lease once a lease has ended; `soon_s` as in `WorkRequest`."""

    count: int
    soon_s: int

    def request(self, principal: Principal, project_id: UUID) -> WorkRequest:
        return WorkRequest(principal, project_id, self.count, self.soon_s)


@dataclass(frozen=True, slots=True)
class Granted:
    """Leases, or why there is none."""

    project: Project
    leases: list[Leased]
    nothing: Nothing | None = None


@dataclass(frozen=True, slots=True)
class Leasing:
    """What leasing needs beside the session: the projects, what this process remembers, and after how many skips
    nobody new gets a task.
    """

    projects: ProjectCache
    hints: LeaseHints
    most_skips: int

    async def lease_at_once(self, session: Session, request: WorkRequest, now: datetime) -> Granted | None:
        """Lease one task in one statement that is a transaction by itself, trusting what is remembered of who asks.

        The statement sees to it that it still holds. None when it is not the common case: then `lease_next` is called.
        """
        subject, project_id = request.subject, request.project_id
        entrant = self.hints.entrants.find(subject, project_id)
        for _ in range(2):
            if entrant is None:
                entrant = await memberships.read(session, subject, project_id)
                if entrant is None:
                    return None
            project = await self.projects.find(session, project_id, entrant.project_revision)
            chosen = None if project is None else _common_plan(project, entrant, request)
            if project is None or chosen is None:
                break
            granted = await self._claim_one(session, project, entrant, request, chosen, now)
            if granted is not None:
                self.hints.entrants.remember(subject, project_id, _after(entrant, granted.leases))
                return granted
            entrant = None
        self.hints.entrants.forget(subject, project_id)
        return None

    async def lease_next(self, session: Session, request: WorkRequest, now: datetime, *, lazily: bool) -> Granted:
        """Lease up to `count` tasks. `lazily`: nothing else in this transaction needs to survive a crash.

        Raises:
            NotRegistered: the subject is no annotator.
            NotKnownHere: the project.
            Problem: 403, it holds personal data, which the token has no role for.
        """
        entrant, project = await self._enter(session, request, lazily=lazily)
        self.hints.entrants.forget(request.subject, request.project_id)  # what happens now may be rolled back
        if entrant.membership.arbiter is not request.arbiter:
            await memberships.set_arbiter(session, entrant.annotator_id, arbiter=request.arbiter)
            if request.arbiter:
                await servability.add_arrivals(session, [entrant.annotator_id])
        refused = _refused(project, entrant)
        if refused is not None:
            return Granted(project, [], nothing(refused, request.soon_s))
        if _plan(project, entrant, request).count < 1:
            held = await claims.count_held(session, entrant.annotator_id, project.project_id)
            return Granted(project, [], nothing(Reason.LIMIT_REACHED if held else Reason.SHARE_DONE, request.soon_s))
        claim = _claim(project, entrant, now, lazily=lazily)
        leases = await self._lease_returned_work(session, claim, project, request)
        entrant = replace(
            entrant, membership=replace(entrant.membership, returned=entrant.membership.returned - len(leases))
        )
        for _ in range(_LOOKS):
            more = await self._lease_batch(session, project, entrant, request, claim, len(leases))
            entrant = _after(entrant, more)
            leases += more
            if not more:
                break
        return await self._granted(session, project, entrant, request, leases, now)

    async def held(self, session: Session, principal: Principal, project_id: UUID) -> Granted:
        """The leases that an annotator holds already."""
        request = WorkRequest(principal, project_id, count=1, soon_s=1)
        entrant, project = await self._enter(session, request, lazily=True)
        return Granted(project, await claims.leased_in(session, entrant.annotator_id, project_id))

    async def _enter(self, session: Session, request: WorkRequest, *, lazily: bool) -> tuple[Entrant, Project]:
        """Lock the annotator's membership; it is made when they ask for the first time."""
        entrant = None
        while entrant is None:  # once more when annotator or project become known between joining and looking
            entrant = await memberships.lock(session, request.subject, request.project_id, lazily=lazily)
            if entrant is not None:
                break
            joined = await memberships.join(session, request.subject, request.project_id)
            if joined is not None:
                await servability.add_arrivals(session, [joined])
                continue
            annotator, project_known = await memberships.known(session, request.subject, request.project_id)
            if not annotator:
                raise NotRegistered("A manager registers annotators with POST /v1/annotators.")
            if not project_known:
                raise NotKnownHere("project", request.project_id)
        project = await self.projects.find(session, request.project_id, entrant.project_revision)
        assert project is not None
        if not request.may_see(project):
            request.principal.check_personal_data()
        return entrant, project

    async def _claim_one(
        self,
        session: Session,
        project: Project,
        entrant: Entrant,
        request: WorkRequest,
        chosen: ServingPlan,
        now: datetime,
    ) -> Granted | None:
        """The common lease; None when the annotator or the project is not as was thought."""
        claim = _claim(project, entrant, now, lazily=True)
        name = (entrant.annotator_id, project.project_id)
        stretches, cut = self.hints.walks.stretches(*name, chosen.wants)
        begun = perf_counter()
        claimed = await claims.claim_one(session, claim, stretches, chosen)
        if claimed is not None and claimed.leased is None and cut:  # perhaps there is something in front
            self.hints.walks.forget(*name)
            claimed = await claims.claim_one(session, claim, [Stretch(want) for want in chosen.wants], chosen)
        if claimed is None:
            return None
        if claimed.line is not None:
            took_s = perf_counter() - begun
            self.hints.walks.remember(*name, took_s, *claimed.line, claimed.rank, claimed.sort_key)
        leases = [] if claimed.leased is None else [claimed.leased]
        return await self._granted(session, project, entrant, request, leases, now)

    async def _lease_returned_work(
        self, session: Session, claim: Claim, project: Project, request: WorkRequest
    ) -> list[Leased]:
        """Lease returned work again, gold like any other, as long as it is there.

        It is no new lease: else returning it again and again would show which task is gold, which is drawn anew for a new one.
        """
        entrant = claim.entrant
        if not entrant.membership.has_returned_work:
            return []
        chosen = _plan(project, entrant, request)
        who = (entrant.annotator_id, claim.project_id)
        found = await claims.returned_work(session, *who, list(request.kinds))
        room = min(chosen.count, claim.most_held - await claims.count_held(session, *who))
        lines = {(want.pool, want.lane) for want in chosen.wants}
        there = {
            one.slot.record_id: Pick(
                one.slot, one.guideline_version, _FIRST_OF_ALL, _blind_again(one.slot, one.showed_prediction)
            )
            for one in found
            if one.slot is not None and (one.slot.lane is Lane.GOLD or (one.slot.pool, one.slot.lane) in lines)
        }
        picks = list(there.values())[: max(0, room)]
        leases = await claims.lease(session, claim, picks) if picks else []
        waiting = {pick.slot.task_id for pick in there.values()} - {one.task_id for one in leases}
        left = await claims.forget_returned(session, *who, [one.task_id for one in found if one.task_id not in waiting])
        await memberships.count_leases(session, *who, again=len(leases), has_returned_work=left)
        return leases

    async def _lease_batch(
        self,
        session: Session,
        project: Project,
        entrant: Entrant,
        request: WorkRequest,
        claim: Claim,
        leased: int,
    ) -> list[Leased]:
        """Lease new tasks, after so many that are leased already: ordinary ones, gold in the places that are drawn."""
        chosen = _plan(project, entrant, replace(request, count=request.count - leased))
        who = (entrant.annotator_id, project.project_id)
        room = min(chosen.count, claim.most_held - await claims.count_held(session, *who))
        if room < 1:
            return []
        stretches = [Stretch(want) for want in chosen.wants]
        near = await claims.find_ordinary(session, *who, stretches)
        ordinary = choose(chosen.wants, near, room)
        gold = await claims.find_gold(session, *who, chosen.gold_offset, max(1, len(chosen.gold_places)))
        if not ordinary:
            return []
        leases = await claims.lease(session, claim, mix_gold(ordinary, gold, chosen.gold_places))
        await memberships.count_leases(session, *who, granted=len(leases), gold=sum(one.is_gold for one in leases))
        return leases

    async def _granted(
        self,
        session: Session,
        project: Project,
        entrant: Entrant,
        request: WorkRequest,
        leases: Sequence[Leased],
        now: datetime,
    ) -> Granted:
        if leases:
            for leased in leases:
                self.hints.granted.remember(leased.token, _found(leased, entrant, request))
            self.hints.gold.note(leased.task_id for leased in leases if leased.is_gold)
            return Granted(project, sorted(leases, key=lambda leased: leased.place))
        reason = await _why_nothing(session, project, entrant, request, now, self.most_skips)
        return Granted(project, [], nothing(reason, request.soon_s))


def _blind_again(slot: SlotCandidate, showed: bool) -> bool:
    """Whether what comes again shows no prediction: gold shows one if it did."""
    return not showed if slot.lane is Lane.GOLD else slot.blind


def _after(entrant: Entrant, leases: Sequence[Leased]) -> Entrant:
    """The annotator after these new leases."""
    membership = entrant.membership
    gold = sum(one.is_gold for one in leases)
    return replace(
        entrant,
        membership=replace(
            membership, granted=membership.granted + len(leases), gold_served=membership.gold_served + gold
        ),
    )


def _found(leased: Leased, entrant: Entrant, request: WorkRequest) -> FoundLease:
    """A new lease as a submit finds it."""
    lease = Lease(
        task_id=leased.task_id,
        slot=leased.slot,
        record_id=leased.record_id,
        project_id=request.project_id,
        kind=leased.kind,
        round=leased.round,
        schema_version=leased.schema_version,
        guideline_version=leased.guideline_version,
        annotator_id=entrant.annotator_id,
        leased_at=leased.leased_at,
        token=leased.token,
        state=SlotState.LEASED,
        record_state=leased.record_state,
        gold=leased.is_gold,
        prediction_shown=leased.prediction_shown,
    )
    return FoundLease(lease, request.subject, leased.fields, entrant.project_revision)


def _common_plan(project: Project, entrant: Entrant, request: WorkRequest) -> ServingPlan | None:
    """The plan for one new lease; None where this is not the common case."""
    membership = entrant.membership
    known = membership.arbiter is request.arbiter and not membership.has_returned_work
    if not known or not request.may_see(project) or _refused(project, entrant) is not None:
        return None
    chosen = _plan(project, entrant, request)
    return chosen if chosen.count == 1 else None


def _claim(project: Project, entrant: Entrant, now: datetime, *, lazily: bool) -> Claim:
    serving = project.policies.serving
    until = now + timedelta(seconds=serving.lease_ttl_s)
    return Claim(entrant, project.project_id, now, until, serving.leases_per_annotator, lazily)


def _refused(project: Project, entrant: Entrant) -> Reason | None:
    membership, serving = entrant.membership, project.policies.serving
    reasons = (
        (Reason.ARCHIVED, entrant.project_status == ProjectStatus.ARCHIVED),
        (Reason.RETIRED, membership.status is AnnotatorStatus.RETIRED),
        (Reason.REMOVED, membership.removed),
        (Reason.PAUSED, membership.status is AnnotatorStatus.PAUSED or membership.assessed is AssessmentStatus.PAUSED),
        (Reason.PROJECT_PAUSED, entrant.project_status != ProjectStatus.ACTIVE),
        (Reason.NO_GUIDELINE, not entrant.servable),
        (Reason.NO_SKILL, serving.skill is not None and entrant.skill(serving.skill) < serving.minimum_skill),
    )
    return next((reason for reason, holds in reasons if holds), None)


def _plan(project: Project, entrant: Entrant, request: WorkRequest) -> ServingPlan:
    policies, membership = project.policies, entrant.membership
    count = min(request.count, policies.serving.leases_per_annotator)
    limit = policies.serving.annotations_per_annotator
    if limit is not None:
        count = min(count, limit - (membership.granted - membership.returned))
    return plan(
        policies,
        membership,
        request.arbiter,
        count,
        request.kinds,
        lambda nonce: draw(project.salt, "gold", entrant.annotator_id, nonce),
        lambda nonce: draw(project.salt, "serve", entrant.annotator_id, nonce),
    )


async def _why_nothing(
    session: Session, project: Project, entrant: Entrant, request: WorkRequest, now: datetime, most_skips: int
) -> Reason:
    held = await claims.count_held(session, entrant.annotator_id, request.project_id)
    if held >= project.policies.serving.leases_per_annotator:
        return Reason.LIMIT_REACHED
    wants = _plan(project, entrant, request).wants
    left = await supply.left(session, request.project_id, entrant.annotator_id, wants, request.kinds)
    if left.had:  # free, but not for this annotator: perhaps for nobody
        await supply.suspect(session, request.project_id, wants, now)
    if left.given_up and not left.open_work:
        left = await _with_given_up(session, project, entrant, request, left, most_skips)
    of_all_kinds = _plan(project, entrant, replace(request, kinds=ALL_KINDS)).wants
    arbitrates = any(want.lane is Lane.ARBITRATION for want in of_all_kinds)
    return why_nothing(of_kinds(left, request.kinds, arbitrates=arbitrates))


async def _with_given_up(
    session: Session, project: Project, entrant: Entrant, request: WorkRequest, left: WhatIsLeft, most_skips: int
) -> WhatIsLeft:
    """What is left, with what became of the records that were given up, as this annotator may see them."""
    found = await servability.given_up(
        session, project.project_id, entrant.annotator_id, most_skips, _GIVEN_UP_LOOKED_AT
    )
    serving = project.policies.serving
    needed = [
        NeededWorkforce(
            one.task_id, one.record_id, one.project_id, one.arbitration, one.pool, serving.skill, serving.minimum_skill
        )
        for one in found
        if (TaskKind.ARBITRATION if one.arbitration else TaskKind.ANNOTATION) in request.kinds
    ]
    mine = await servability.served_by(session, needed, [entrant.annotator_id])
    to_answer = [one for one in found if not one.arbitration and TaskKind.ANNOTATION in request.kinds]
    return replace(
        left,
        may_come=bool(mine),
        had_given_up=any(one.had for one in to_answer),
        others_given_up=bool(to_answer),
        arbiter_to_come=any(one.arbitration for one in found),
    )
