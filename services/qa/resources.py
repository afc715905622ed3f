"""What a running qa holds beside what every service holds."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from services.qa.domain import estimation_schedule
from services.qa.operations import assessments
from services.qa.operations.pending_verdicts import PendingJudge
from services.qa.storage.projects import ProjectCache
from shared.kit.compute.waiting_time import waiting_time
from shared.kit.runtime import Runtime, current_runtime
from shared.kit.signatures import KeyRing


@dataclass(slots=True)
class Pauses:
    """What this replica remembers between rounds; a new leader begins without and is only early for once.

    `until`: how long a project rests from a kind of work. `waiting`: since when it waits for an estimation.
    """

    until: dict[tuple[str, UUID], float] = field(default_factory=dict)
    estimated: dict[UUID, assessments.LastEstimation] = field(default_factory=dict)
    waiting: dict[UUID, float] = field(default_factory=dict)

    @contextmanager
    def resting_after(self, kind: str, project_id: UUID, share: float, least_s: float = 0.0) -> Iterator[None]:
        """Work inside, then let the project rest so long that this took `share` of the time, if it took `least_s`.

        What it waited for a worker process doesn't count.
        """
        started = time.monotonic()
        with waiting_time() as waited:
            yield
        now = time.monotonic()
        worked_s = now - started - waited.seconds
        if worked_s >= least_s and share < 1.0:
            self.until[kind, project_id] = now + worked_s * (1.0 / share - 1.0)

    def rests_s(self, kind: str, project_id: UUID) -> float:
        """How long the project still rests."""
        left_s = self.until.get((kind, project_id), 0.0) - time.monotonic()
        if left_s <= 0.0:
            self.until.pop((kind, project_id), None)
        return max(0.0, left_s)

    def estimation_due_in_s(self, project_id: UUID, new: int) -> float:
        """In how many seconds the project is to be estimated, with so many facts that are new."""
        now = time.monotonic()
        before = self.estimated.get(project_id)
        waited_s = now - self.waiting.setdefault(project_id, now)
        return estimation_schedule.due_in_s(
            new=new, read_before=0 if before is None else before.votes, waited_s=waited_s
        )


@dataclass(frozen=True, slots=True)
class EstimationLimits:
    """`share` of the time that estimation may take; it reads the newest `annotations`."""

    share: float
    annotations: int


@dataclass(slots=True)
class QaResources:
    """`download_ttl_s`: how long a link to a release's file holds. `seal_keys` sign seals and releases."""

    estimation: EstimationLimits
    seal_keys: KeyRing
    download_ttl_s: int
    pending: PendingJudge
    projects: ProjectCache = field(default_factory=ProjectCache)
    pauses: Pauses = field(default_factory=Pauses)


QaRuntime = Runtime[QaResources]
QaRuntimeDep = Annotated[QaRuntime, Depends(current_runtime)]
