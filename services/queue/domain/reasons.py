"""Why there is nothing to lease."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """`done`: nothing is left. `all_answered`: all that was asked for is answered, more comes only if the answers are not
    enough. `being_decided`: nothing is asked of you, what is left is decided by an arbiter, by a model or by its answers, or
    it is yet to be routed. `all_leased`: nothing right now, others hold it. `in_hand`: you hold what is left for you yourself;
    `GET …/leases` lists it. `not_selected`: what is left is held until it
    is selected for learning. `others_needed`: what is free needs people beside you, you had it. `no_skill`: what is left
    needs a skill or a pool that you don't have. `limit_reached`: you hold, or did, as many as you may. `paused`: you are, by a
    manager or for your answers. `retired`: you are. `removed`: you were taken out of the project. `project_paused`: the
    project is. `no_guideline`: the project has no guideline, or no schema, yet. `archived`: the project has ended. Take a reason that you don't know as `all_leased`.
    """

    DONE = "done"
    ALL_ANSWERED = "all_answered"
    BEING_DECIDED = "being_decided"
    ALL_LEASED = "all_leased"
    IN_HAND = "in_hand"
    NOT_SELECTED = "not_selected"
    OTHERS_NEEDED = "others_needed"
    NO_SKILL = "no_skill"
    LIMIT_REACHED = "limit_reached"
    PAUSED = "paused"
    RETIRED = "retired"
    REMOVED = "removed"
    PROJECT_PAUSED = "project_paused"
    NO_GUIDELINE = "no_guideline"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Nothing:
    """No lease: why, after how many seconds asking again makes sense, and what can be done, as a sentence for people."""

    reason: Reason
    retry_after_s: int

    @property
    def next_step(self) -> str:
        return _NEXT_STEP[self.reason]


@dataclass(frozen=True, slots=True)
class WhatIsLeft:
    """What a project still holds. `open_records` are not ended, `open_tasks` neither; gold aside.

    `for_us`: free slots that this annotator may have, `had`: of records that they had, `for_others`: in lines that they may
    not draw from. `held`: records wait to be selected. `leased`: somebody works on something. Work of arbiters is apart:
    `in_arbitration`, there are disputes for them. `in_hand`: this annotator holds some of what is leased, gold or not.
    """

    open_records: bool
    open_tasks: bool
    leased: bool
    for_us: bool
    had: bool
    for_others: bool
    in_arbitration: bool
    held: bool
    in_hand: bool


_LONGEST_S = 600
_FACTOR = {
    Reason.DONE: 12,
    Reason.ALL_ANSWERED: 2,
    Reason.BEING_DECIDED: 1,
    Reason.ALL_LEASED: 1,
    Reason.IN_HAND: 1,
    Reason.NOT_SELECTED: 2,
    Reason.OTHERS_NEEDED: 2,
    Reason.NO_SKILL: 2,
    Reason.LIMIT_REACHED: 1,
    Reason.PAUSED: 60,
    Reason.RETIRED: _LONGEST_S,
    Reason.REMOVED: 60,
    Reason.PROJECT_PAUSED: 60,
    Reason.NO_GUIDELINE: 12,
    Reason.ARCHIVED: _LONGEST_S,
}

_NEXT_STEP = {
    Reason.DONE: "Nothing is left to do. A manager may add records or take the dataset out.",
    Reason.ALL_ANSWERED: "Wait: the answers are being weighed, and more are asked for only if they are not enough.",
    Reason.BEING_DECIDED: "Wait: an arbiter or a model decides what is left, or it is on its way.",
    Reason.ALL_LEASED: "Ask again later: others hold what is left.",
    Reason.IN_HAND: "Submit or give back what you hold: GET the project's leases lists it.",
    Reason.NOT_SELECTED: "Wait until the next learning batch is chosen. A manager who wants everything open at once "
    "switches learning off in the project's policies.",
    Reason.OTHERS_NEEDED: "Somebody else has to work on what you had: a manager registers and invites more annotators.",
    Reason.NO_SKILL: "What is left needs a skill or a pool that you don't have: a manager can give it to you.",
    Reason.LIMIT_REACHED: "Submit or give back what you hold. If you hold nothing, you did as much as one person may here.",
    Reason.PAUSED: "Ask a manager: you are paused, and get tasks again once you are active.",
    Reason.RETIRED: "Ask a manager: you are retired, and get no more tasks.",
    Reason.REMOVED: "Ask a manager to invite you again: you were taken out of this project.",
    Reason.PROJECT_PAUSED: "Wait until a manager sets the project active again. What you hold may be submitted.",
    Reason.NO_GUIDELINE: "A manager adds what is missing, a guideline or a schema; then the records that are here are served.",
    Reason.ARCHIVED: "The project has ended. What you hold may be submitted.",
}


def nothing(reason: Reason, soon_s: int) -> Nothing:
    """`soon_s` is when to ask again if something may turn up at any moment."""
    return Nothing(reason, max(1, min(_LONGEST_S, soon_s * _FACTOR[reason])))


def why_nothing(left: WhatIsLeft) -> Reason:
    """The first that holds."""
    reasons = (
        (Reason.DONE, not left.open_records and not left.open_tasks),
        (Reason.ALL_LEASED, left.for_us),  # somebody is just taking it
        (Reason.NOT_SELECTED, left.held),
        (Reason.OTHERS_NEEDED, left.had),
        (Reason.NO_SKILL, left.for_others),
        (Reason.IN_HAND, left.in_hand),
        (Reason.ALL_LEASED, left.leased),
        (Reason.BEING_DECIDED, left.in_arbitration or not left.open_tasks),
    )
    return next((reason for reason, holds in reasons if holds), Reason.ALL_ANSWERED)
