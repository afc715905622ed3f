"""The next batch of records: vectors of texts or thumbnails, then k-means. For a worker: it takes seconds at 20,000."""

from collections.abc import Sequence
from typing import Literal

from services.prelabel.compute import pictures
from services.prelabel.domain import acquisition
from services.prelabel.domain.acquisition import ChanceWindow, SelectedCandidate
from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.features import text_features
from services.prelabel.domain.items import Thumbnail

Strategy = Literal["cold_start", "next_batch"]


def choose(
    strategy: Strategy,
    scores: Sequence[float],
    draws: Sequence[float],
    labels: Sequence[str | None],
    looks: Sequence[str | Thumbnail | None],
    size: int,
    seed: int,
    window: ChanceWindow,
) -> list[SelectedCandidate]:
    """Choose `size` of the candidates, which have a score, a draw, a predicted class and a look each; see `domain.acquisition`."""
    candidates = [
        acquisition.Candidate(score, draw, label) for score, draw, label in zip(scores, draws, labels, strict=True)
    ]
    chosen = acquisition.cold_start if strategy == "cold_start" else acquisition.next_batch
    return chosen(candidates, lambda indices: [_vector(looks[index]) for index in indices], size, seed, window)


def _vector(look: str | Thumbnail | None) -> Floats | None:
    if look is None:
        return None
    return text_features(look) if isinstance(look, str) else pictures.sketch(look)
