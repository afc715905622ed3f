"""Personal data in free text: find it, mask it. Pure; what a model finds joins by a `ContextRecogniser`."""

from shared.contracts.personal_data.masking import (
    RECOGNISERS,
    AnyRecogniser,
    MaskedOffsets,
    deidentify,
    mask,
    recognisers_but,
)
from shared.contracts.personal_data.recognisers import ContextRecogniser, Finding, Kind, Recogniser, RecogniserName

__all__ = [
    "RECOGNISERS",
    "AnyRecogniser",
    "ContextRecogniser",
    "Finding",
    "Kind",
    "MaskedOffsets",
    "Recogniser",
    "RecogniserName",
    "deidentify",
    "mask",
    "recognisers_but",
]
