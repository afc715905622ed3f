"""One module per kind of question; each holds a `KIND` that fulfils `Kind`. A kind is added by adding its module."""

from importlib import import_module
from pkgutil import iter_modules

from services.qa.domain.kinds.kind import Kind, QuestionEstimates, estimates_from_json, estimates_to_json

__all__ = ["Kind", "QuestionEstimates", "UnknownKind", "estimates_from_json", "estimates_to_json", "names", "of"]

_NOT_A_KIND = {"kind"}
_KINDS: dict[str, Kind] = {
    module.name: import_module(f"{__name__}.{module.name}").KIND
    for module in iter_modules(__path__)
    if module.name not in _NOT_A_KIND
}


class UnknownKind(ValueError):
    """qa has no consensus for this kind of question."""


def of(kind: str) -> Kind:
    """The behaviour of a question kind.

    Raises:
        UnknownKind: there is no module for it.
    """
    try:
        return _KINDS[kind]
    except KeyError:
        raise UnknownKind(kind) from None


def names() -> tuple[str, ...]:
    """All kinds, sorted."""
    return tuple(sorted(_KINDS))
