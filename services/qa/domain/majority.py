"""Majority vote with explicit ties."""

from collections.abc import Sequence

from services.qa.domain.voting import Consensus


def majority(labels: Sequence[str]) -> Consensus:
    """The most frequent label; `confidence` is its share. On a tie the first in alphabetical order, marked `tied`."""
    raise NotImplementedError
