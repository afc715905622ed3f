"""What two samples of records look like, and whether they differ. For a worker: hashing 600 texts takes a second."""

from collections.abc import Sequence

import numpy as np

from services.prelabel.compute import pictures
from services.prelabel.domain import drift
from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.drift import DriftKind, LookEvidence, Predicted, WatchedRecord
from services.prelabel.domain.features import text_features
from services.prelabel.domain.items import Thumbnail


def compare(
    before: Sequence[WatchedRecord], now: Sequence[WatchedRecord], level: float, seed: int
) -> dict[DriftKind, LookEvidence]:
    """What the records now show against those before; without `input` where half of a window can't be read.

    `level`: at which a difference of inputs gives an alarm; `seed`: of the permutations that features are compared by.
    """
    found = {DriftKind.PREDICTION: drift.of_predictions(_predicted(before), _predicted(now))}
    looks = [[features(each.look) for each in records if each.look is not None] for records in (before, now)]
    if all(len(each) >= drift.WINDOW // 2 for each in looks):
        found[DriftKind.INPUT] = drift.of_inputs(
            np.stack(looks[0]), np.stack(looks[1]), level, np.random.default_rng(seed)
        )
    return found


def features(look: str | Thumbnail) -> Floats:
    """A text: the hashed features of its words, and how long it is. A picture: 16 x 16 grey values, their mean and spread."""
    if isinstance(look, str):
        return np.append(text_features(look), np.log1p(len(look)))
    sketch = pictures.sketch(look)
    return np.append(sketch, [sketch.mean(), sketch.std()])


def _predicted(records: Sequence[WatchedRecord]) -> Predicted:
    return Predicted(
        [drift.NO_ANSWER if each.label is None else each.label for each in records],
        np.array([np.nan if each.confidence is None else each.confidence for each in records], dtype=np.float64),
    )
