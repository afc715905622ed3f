"""When a project's annotators are estimated again.

An estimation reads a window of the newest votes, so it can't follow on each vote. It follows when the votes have grown by
`GROWTH` of what the last one read: whatever the history, a vote is then read at most about 1 / `GROWTH` times. Where votes
only trickle in, it follows `LONGEST_WAIT_S` after the first of them: at most one window in that time.
"""

GROWTH = 0.02
"""Posteriors hardly move with fewer new votes; in a project's first minutes it is every vote or two."""

LONGEST_WAIT_S = 30.0
"""Nobody who answers without looking stays unseen for longer, however large the project."""


def due_in_s(*, new: int, read_before: int, waited_s: float) -> float:
    """In how many seconds `new` facts, of which the oldest waits for `waited_s`, are worth an estimation.

    `read_before`: the votes that the last estimation read, 0 before the first.
    """
    return 0.0 if new >= GROWTH * read_before else max(0.0, LONGEST_WAIT_S - waited_s)
