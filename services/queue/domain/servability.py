"""Whether anybody is left who may answer a task."""

from dataclasses import dataclass

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


def unservable(kind: TaskKind, workforce: Workforce, most_skips: int) -> str | None:
    """Why nobody can serve the task, None when somebody can.

    A project whose first annotator is yet to come has not started: its ordinary tasks wait. An arbitration without an
    arbiter is published at once, so that somebody is called.
    """
    if workforce.skips >= most_skips:
        return f"{workforce.skips} annotators skipped it"
    if workforce.left > 0 or (workforce.active == 0 and kind is not TaskKind.ARBITRATION):
        return None
    if workforce.eligible == 0:
        return "no annotator has the pool and the skill"
    return "every annotator with the pool and the skill has had the record"


def servable_again(workforce: Workforce, most_skips: int) -> bool:
    """Whether somebody can serve a task for which `TaskUnservable` was published."""
    return workforce.left > 0 and workforce.skips < most_skips
