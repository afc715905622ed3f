"""What a running qa holds beside what every service holds."""

import time
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from services.qa.domain import estimation_schedule
from services.qa.operations import assessments
from services.qa.operations.pending_verdicts import PendingJudge
from services.qa.operations.verdicts import PendingListener
from services.qa.storage.projects import ProjectCache
from shared.kit.runtime import Runtime, current_runtime


@dataclass(slots=True)
class Pauses:
    """What this replica remembers between rounds; a new leader begins without and is only early for once.

    `until`: how long a project rests from a kind of work. `waiting`: since when it waits for an estimation.
    """

    until: dict[tuple[str, UUID], float] = field(default_factory=dict)
    estimated: dict[UUID, assessments.LastEstimation] = field(default_factory=dict)
    waiting: dict[UUID, float] = field(default_factory=dict)

    def rest(self, kind: str, project_id: UUID, started: float, share: float) -> None:
        now = time.monotonic()
        if share < 1.0:
            self.until[kind, project_id] = now + (now - started) * (1.0 / share - 1.0)

    def rests(self, kind: str, project_id: UUID) -> bool:
        if time.monotonic() < self.until.get((kind, project_id), 0.0):
            return True
        self.until.pop((kind, project_id), None)
        return False

    def estimation_is_due(self, project_id: UUID, new: int) -> bool:
        now = time.monotonic()
        before = self.estimated.get(project_id)
        waited_s = now - self.waiting.setdefault(project_id, now)
        return estimation_schedule.due(new=new, read_before=0 if before is None else before.votes, waited_s=waited_s)


@dataclass(frozen=True, slots=True)
class EstimationLimits:
    """`share` of the time that estimation may take; it reads the newest `annotations`."""

    share: float
    annotations: int


@dataclass(slots=True)
class QaResources:
    """`download_ttl_s`: how long a link to a release's file holds."""

    estimation: EstimationLimits
    download_ttl_s: int
    pending: PendingJudge
    listener: PendingListener
    projects: ProjectCache = field(default_factory=ProjectCache)
    pauses: Pauses = field(default_factory=Pauses)


QaRuntime = Runtime[QaResources]
QaRuntimeDep = Annotated[QaRuntime, Depends(current_runtime)]
