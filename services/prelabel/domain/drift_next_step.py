"""What to do about drift, or what a look waits for, as sentences for people."""

from collections.abc import Mapping
from typing import Final

from services.prelabel.domain.drift import FEWEST_BEFORE, WINDOW, DriftKind
from services.prelabel.domain.live_error import LiveState

_CURES: Final[Mapping[DriftKind, str]] = {
    DriftKind.INPUT: (
        "What comes in differs from what came before this model was made. Look at new held-out records; label new records"
        " and train, and see whether predictions and labels have changed, too."
    ),
    DriftKind.PREDICTION: (
        "The model answers otherwise than it did on records from before it was made. Label the held-out records since:"
        " they show whether the classes have changed or the model errs. Auto-accept's thresholds rest on records of the past."
    ),
    DriftKind.LABEL: (
        "People give the classes in other shares than before the model was made. Train on new labels: confidences assume"
        " the old shares."
    ),
}
_WAITS: Final[Mapping[DriftKind, str]] = {
    DriftKind.INPUT: f"A look is taken once {WINDOW} further held-out records are there that can be read and are scored.",
    DriftKind.PREDICTION: f"A look is taken once {WINDOW} further held-out records are there and scored.",
    DriftKind.LABEL: f"A look is taken once people have labelled {WINDOW} further held-out records.",
}
_LIVE: Final[Mapping[LiveState, str]] = {
    LiveState.NO_PROMISE: (
        "The model was put to use without being measured: label held-out records, so that there is an error to compare with."
    ),
    LiveState.NO_REPORTS: (
        "Nothing is reported yet. Send feedback on the deployed model: right answers as well as wrong ones, or on a random"
        " share of them."
    ),
    LiveState.ONLY_ERRORS: (
        "Only wrong answers are reported, so how often the model errs can't be known. Report right answers, too, or both on"
        " a random share."
    ),
    LiveState.WITHIN: "Nothing to do. This holds if right answers are reported as faithfully as wrong ones.",
    LiveState.WORSE: (
        "The model errs more often in use than was promised, unless wrong answers are reported so much more often than right"
        " ones as `explained_by` says. Label records of deployment, and train or roll back."
    ),
}
NO_CHAMPION: Final = "No model is in use. What comes in is compared with what came before once one is."
TOO_FEW: Final = (
    f"Nothing is compared until {FEWEST_BEFORE} held-out records are there, and {WINDOW} further ones. Records are drawn into"
    " the held-out splits by chance (split.validation and split.test of the policies)."
)


def of_kind(kind: DriftKind, *, bounded: bool, drifted: bool) -> str:
    """What to do; `bounded`: there are records enough to stand for what was before."""
    if drifted:
        return _CURES[kind]
    return _WAITS[kind] if bounded else TOO_FEW


def of_live_error(state: LiveState) -> str:
    return _LIVE[state]
