"""Why there is nothing to lease."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """`done`: nothing is left. `all_leased`: nothing right now, more may come. `others_needed`: what is free needs people
    beside you, you had it. `no_skill`: what is left needs a skill or a pool that you don't have. `limit_reached`: you hold,
    or did, as many as you may. `paused`: you or the project. `archived`: the project has ended. Take a reason that you don't
    know as `all_leased`.
    """

    DONE = "done"
    ALL_LEASED = "all_leased"
    OTHERS_NEEDED = "others_needed"
    NO_SKILL = "no_skill"
    LIMIT_REACHED = "limit_reached"
    PAUSED = "paused"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Nothing:
    """No lease: why, and after how many seconds asking again makes sense."""

    reason: Reason
    retry_after_s: int


@dataclass(frozen=True, slots=True)
class WhatIsLeft:
    """What a project still holds. `open_work`: records or tasks that are not ended, gold aside.

    `for_us`: free slots that this annotator may have, `had`: of records that they had, `for_others`: in lines that they may
    not draw from. `held`: records wait to be selected.
    """

    open_work: bool
    for_us: bool
    had: bool
    for_others: bool
    held: bool


_LONGEST_S = 600
_FACTOR = {
    Reason.DONE: 12,
    Reason.ALL_LEASED: 1,
    Reason.OTHERS_NEEDED: 2,
    Reason.NO_SKILL: 2,
    Reason.LIMIT_REACHED: 1,
    Reason.PAUSED: 60,
    Reason.ARCHIVED: _LONGEST_S,
}


def nothing(reason: Reason, soon_s: int) -> Nothing:
    """`soon_s` is when to ask again if something may turn up at any moment."""
    return Nothing(reason, max(1, min(_LONGEST_S, soon_s * _FACTOR[reason])))


def why_nothing(left: WhatIsLeft) -> Reason:
    if not left.open_work:
        return Reason.DONE
    if left.for_us or left.held:  # somebody is just taking it, or it may come any moment
        return Reason.ALL_LEASED
    if left.had:
        return Reason.OTHERS_NEEDED
    return Reason.NO_SKILL if left.for_others else Reason.ALL_LEASED
