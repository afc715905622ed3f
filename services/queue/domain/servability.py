"""Whether anybody is left who may answer a task."""

from dataclasses import dataclass
from typing import Final

from services.queue.domain.serving_plan import ANY_POOL
from shared.contracts.values import TaskKind


@dataclass(frozen=True, slots=True)
class Workforce:
    """Those who might take a task. `active`: all of the project's annotators who work; `eligible`: of these, those with the task's pool
    and skill; `left`: of these, those who had nothing to do with the record yet. `skips`: how often it was skipped.
    """

    active: int
    eligible: int
    left: int
    skips: int


@dataclass(frozen=True, slots=True)
class Demand:
    """What a task asks of people. `pool`: any, or the one that it is for; `skill`: the one that the project asks for."""

    kind: TaskKind
    pool: str
    skill: str | None

    @property
    def nobody_may(self) -> str:
        """Why nobody at all may serve it."""
        if self.kind is TaskKind.ARBITRATION:
            skill = "" if self.skill is None else f" with the skill {self.skill}"
            return f"the project has no expert and no arbiter{skill} to decide it"
        pool = "the pool" if self.pool == ANY_POOL else f"the pool {self.pool}"
        skill = "" if self.skill is None else f" and the skill {self.skill}"
        return f"no active annotator of the project has {pool}{skill} that it needs"


_NOBODY_NEW: Final = "everybody in the project who may answer it has had it already: somebody new is needed"
_ARBITERS_HAD_IT: Final = "every expert and arbiter of the project has had it already: another one is needed"


def unservable(demand: Demand, workforce: Workforce, most_skips: int) -> str | None:
    """Why nobody can serve the task, None when somebody can.

    A project whose first annotator is yet to come has not started: its ordinary tasks wait. An arbitration without an
    arbiter is published at once, so that somebody is called.
    """
    arbitration = demand.kind is TaskKind.ARBITRATION
    if workforce.skips >= most_skips:
        return f"{workforce.skips} annotators skipped it"
    if workforce.left > 0 or (workforce.active == 0 and not arbitration):
        return None
    if workforce.eligible == 0:
        return demand.nobody_may
    return _ARBITERS_HAD_IT if arbitration else _NOBODY_NEW


def servable_again(workforce: Workforce, most_skips: int) -> bool:
    """Whether somebody can serve a task for which `TaskUnservable` was published."""
    return workforce.left > 0 and workforce.skips < most_skips
