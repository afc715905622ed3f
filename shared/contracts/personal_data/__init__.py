"""Personal data in free text: find it, mask it. Pure; what a model finds joins as one more `Recogniser`."""

from shared.contracts.personal_data.finding import Finding, Kind, Recogniser
from shared.contracts.personal_data.masking import RECOGNISERS, MaskedOffsets, deidentify, mask, recognisers_but

__all__ = ["RECOGNISERS", "Finding", "Kind", "MaskedOffsets", "Recogniser", "deidentify", "mask", "recognisers_but"]
