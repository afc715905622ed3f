"""One module per kind of question; each names as `KIND` a class that is made from the question and fulfils `Kind`.

A kind is added by adding its module.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from services.qa.domain.kinds.kind import QuestionKind
from shared.contracts.answers import Question

__all__ = ["Kind", "NoConsensusForKind", "QuestionKind", "names", "of"]

Kind = QuestionKind[Any]
"""A kind of which the caller need not know what it estimates."""

_NOT_A_KIND = {"kind"}
_KINDS: dict[str, Callable[[Any], Kind]] = {
    module.name: import_module(f"{__name__}.{module.name}").KIND
    for module in iter_modules(__path__)
    if module.name not in _NOT_A_KIND
}


class NoConsensusForKind(ValueError):
    """qa has no consensus for this kind of question."""


def of(question: Question) -> Kind:
    """The behaviour of a question.

    Raises:
        NoConsensusForKind: there is no module for its kind.
    """
    try:
        kind = _KINDS[question.kind]
    except KeyError:
        raise NoConsensusForKind(question.kind) from None
    return kind(question)


def names() -> tuple[str, ...]:
    """All kinds, sorted."""
    return tuple(sorted(_KINDS))
