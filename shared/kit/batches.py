"""How large batches get: how many rows are asked for, and how long messages gather before they are."""

from typing import Final


class BatchSize:
    """Asks for as many as fit into `most_bytes` if they are like the last ones, carefully at first."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.rows = min(most, 50)
        self._most = most
        self._most_bytes = most_bytes

    def saw(self, rows: int, size: int) -> None:
        """Learn from a batch of that many rows with that many bytes in all: grow step by step, shrink at once."""
        if rows:
            fitting = self._most_bytes * rows // max(1, size)
            self.rows = max(1, min(self._most, self.rows * 2, fitting))


class FetchPause:
    """When to fetch again, so that few events are handled at once and many in large sets.

    After a pause at once. While events come all the time, the longer the more there are, until enough gather for what a
    set costs by itself to count no more. One of several members, which gets its share of the events, waits longer for it.
    """

    _SHORTEST_S: Final = 0.1
    _LONGEST_S: Final = 0.3
    """For a member that is alone."""
    _LONGEST_OF_SEVERAL_S: Final = 0.6
    _S_FOR_EACH: Final = 0.01
    """Seconds for each message a second that comes to all members: ten a second wait no longer than one."""
    _ENOUGH: Final = 900

    def __init__(self) -> None:
        self.until = float("-inf")
        self._fetched_at = float("-inf")

    def fetched(self, now: float, messages: int, *, full: bool, share: float = 1.0) -> None:
        """Learn from a fetch that brought so many; `full`: as many as it asked for, so there may be more already.

        `share`, in (0, 1]: the part of all messages that comes to this member.
        """
        a_second = max(messages / max(now - self._fetched_at, 1e-3), 1e-3)
        self._fetched_at = now
        longest_s = min(self._LONGEST_S / share, self._LONGEST_OF_SEVERAL_S)
        wanted_s = min(longest_s, self._S_FOR_EACH * a_second / share, self._ENOUGH / a_second)
        self.until = float("-inf") if full else now + max(self._SHORTEST_S, wanted_s)
