"""Majority vote with explicit ties."""

from collections import Counter
from collections.abc import Sequence

from services.qa.domain.votes import Consensus


def majority(labels: Sequence[str]) -> Consensus:
    """The most frequent of at least one label; `confidence` is its share. Of tied ones the first in alphabetical order."""
    counts = Counter(labels)
    most = max(counts.values())
    best = sorted(label for label, count in counts.items() if count == most)
    shares = {label: count / len(labels) for label, count in sorted(counts.items())}
    return Consensus({"label": best[0]}, shares[best[0]], len(best) > 1, "majority", shares)
