"""Why there is nothing to lease."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.contracts.values import TaskKind


class Reason(StrEnum):
    """`done`: nothing is left. `nothing_yet`: there was nothing to do yet, no record has come. `all_answered`: all that was
    asked for is answered, more comes only if the answers are not enough. `being_decided`: nothing is asked of you, what is
    left is decided by an arbiter, who may be yet to come, by a model or by its answers, or it is on its way to you.
    `all_leased`: nothing right now,
    others hold it. `in_hand`: you hold what is left for you yourself; `GET …/leases` lists it. `other_kinds`: nothing is
    there of the kinds that you asked for with `kinds`. `not_selected`: what is left is held until it is selected for
    learning. `others_needed`: what is left needs people beside you, you had it. `no_skill`: what is left needs a skill or a
    pool that you don't have. `limit_reached`: you hold as many as you may. `share_done`: you did as many as one person may.
    `paused`: you are, by a manager or for your answers. `retired`: you are. `removed`: you were taken out of the project.
    `project_paused`: the project is. `no_guideline`: the project has no guideline, or no schema, yet. `archived`: the
    project has ended. Reasons may be added: take one that you don't know as `all_leased`.
    """

    DONE = "done"
    NOTHING_YET = "nothing_yet"
    ALL_ANSWERED = "all_answered"
    BEING_DECIDED = "being_decided"
    ALL_LEASED = "all_leased"
    IN_HAND = "in_hand"
    OTHER_KINDS = "other_kinds"
    NOT_SELECTED = "not_selected"
    OTHERS_NEEDED = "others_needed"
    NO_SKILL = "no_skill"
    LIMIT_REACHED = "limit_reached"
    SHARE_DONE = "share_done"
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
    """What a project still holds. `ever`: any record has come. `open_records` are not ended, `open_tasks` neither; gold aside.

    `for_us`: free slots that this annotator may have, `had`: of records that they have or had, `for_others`: in lines that
    they may not draw from. `held`: records wait to be selected. `leased`: somebody works on something. Work of arbiters is
    apart: `disputes` are free, in lines that this annotator doesn't draw from, `deciding`: some are leased. `in_hand`: this
    annotator holds some of what is leased, gold or not. `other_kinds`: they asked for some kinds only, and what is left is
    of others. `given_up`: records are, since nobody could serve them. Of these, `may_come`: this annotator can, so they are
    asked for again, `had_given_up`: they had them, `others_given_up`: they need others, and an arbiter could decide them
    if one came (`arbiter_to_come`).
    """

    ever: bool
    open_records: bool
    open_tasks: bool
    leased: bool
    for_us: bool
    had: bool
    for_others: bool
    disputes: bool
    deciding: bool
    held: bool
    in_hand: bool
    other_kinds: bool = False
    given_up: bool = False
    may_come: bool = False
    had_given_up: bool = False
    others_given_up: bool = False
    arbiter_to_come: bool = False

    @property
    def open_work(self) -> bool:
        return self.open_records or self.open_tasks

    @property
    def in_arbitration(self) -> bool:
        return self.disputes or self.deciding


_LONGEST_S = 600
_FACTOR = {
    Reason.DONE: 12,
    Reason.NOTHING_YET: 1,
    Reason.ALL_ANSWERED: 2,
    Reason.BEING_DECIDED: 1,
    Reason.ALL_LEASED: 1,
    Reason.IN_HAND: 1,
    Reason.OTHER_KINDS: 2,
    Reason.NOT_SELECTED: 2,
    Reason.OTHERS_NEEDED: 2,
    Reason.NO_SKILL: 2,
    Reason.LIMIT_REACHED: 1,
    Reason.SHARE_DONE: _LONGEST_S,
    Reason.PAUSED: 60,
    Reason.RETIRED: _LONGEST_S,
    Reason.REMOVED: 60,
    Reason.PROJECT_PAUSED: 60,
    Reason.NO_GUIDELINE: 12,
    Reason.ARCHIVED: _LONGEST_S,
}

_NEXT_STEP = {
    Reason.DONE: "Nothing is left to do. A manager may add records or take the dataset out.",
    Reason.NOTHING_YET: "Wait for the first records: they are on their way, or a manager adds some.",
    Reason.ALL_ANSWERED: "Wait: the answers are being weighed, and more are asked for only if they are not enough.",
    Reason.BEING_DECIDED: "Wait: an arbiter or a model decides what is left, or it is on its way.",
    Reason.ALL_LEASED: "Ask again later: others hold what is left.",
    Reason.IN_HAND: "Submit or release what you hold: GET the project's leases lists it.",
    Reason.OTHER_KINDS: "Nothing of the kinds you asked for is there now: ask again later, or without `kinds`.",
    Reason.NOT_SELECTED: "Wait until the next learning batch is chosen. A manager who wants everything open at once "
    "switches learning off in the project's policies.",
    Reason.OTHERS_NEEDED: "Somebody else has to work on what you had: a manager registers and invites more annotators.",
    Reason.NO_SKILL: "What is left needs a skill or a pool that you don't have: a manager can give it to you.",
    Reason.LIMIT_REACHED: "Submit or release what you hold: it is as much as you may hold.",
    Reason.SHARE_DONE: "You did as much as one person may here. A manager can raise `annotations_per_annotator` in the "
    "project's policies.",
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


def of_kinds(left: WhatIsLeft, kinds: Collection[TaskKind], *, arbitrates: bool) -> WhatIsLeft:
    """What is left of these kinds. `arbitrates`: this annotator may have disputes, whether they asked for them or not."""
    if TaskKind.ANNOTATION not in kinds:
        return replace(
            left,
            leased=left.deciding and arbitrates,
            for_others=left.disputes or (left.deciding and not arbitrates),
            held=False,
            other_kinds=True,
        )
    return replace(left, other_kinds=TaskKind.ARBITRATION not in kinds and arbitrates and left.in_arbitration)


def why_nothing(left: WhatIsLeft) -> Reason:
    """The first that holds: what the annotator can do themselves before what they have to wait for."""
    ended = not left.open_work
    reasons = (
        (Reason.NOTHING_YET, ended and not left.ever),
        (Reason.BEING_DECIDED, ended and left.may_come),
        (Reason.OTHERS_NEEDED, ended and left.had_given_up),
        (Reason.NO_SKILL, ended and left.others_given_up),
        (Reason.BEING_DECIDED, ended and left.arbiter_to_come),
        (Reason.DONE, ended),
        (Reason.ALL_LEASED, left.for_us),  # somebody is just taking it
        (Reason.IN_HAND, left.in_hand),
        (Reason.NOT_SELECTED, left.held),
        (Reason.OTHERS_NEEDED, left.had),
        (Reason.NO_SKILL, left.for_others),
        (Reason.ALL_LEASED, left.leased),
        (Reason.OTHER_KINDS, left.other_kinds),
        (Reason.BEING_DECIDED, left.in_arbitration or not left.open_tasks),
    )
    return next((reason for reason, holds in reasons if holds), Reason.ALL_ANSWERED)
