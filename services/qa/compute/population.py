"""The estimates of one question, of a whole project and of its slices, from the counts of its records."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from services.qa.domain.population import PopulationCell, accuracy_of, share_of, size_of

MOST_LABELS: Final = 100
"""Of a question with more labels the shares are not estimated for each: pass rates of some are, and the accuracy."""


def estimates_of(
    labels: Sequence[str], slices: Mapping[tuple[str, str], Sequence[PopulationCell]]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what is stored of each slice."""
    return {key: _estimates(labels, cells) for key, cells in slices.items()}


def _estimates(labels: Sequence[str], cells: Sequence[PopulationCell]) -> dict[str, Any]:
    accuracy = accuracy_of(cells)
    each = labels if len(labels) <= MOST_LABELS else ()
    return {
        "size": asdict(size_of(cells)),
        "shares": [[label, share_of(cells, frozenset({label}), len(labels)).to_json()] for label in each],
        "accuracy": None if accuracy is None else accuracy.to_json(),
    }
