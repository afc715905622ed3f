"""A JSON object with a list of items, `{"records": [{…}, …]}`, each of which is judged for itself."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from shared.contracts.personal_data import mask
from shared.contracts.visible import MAX_NAME
from shared.kit.problems import MAX_ERRORS, Problem, ProblemError, pointer_to
from shared.kit.storable_json import MAX_VALUES, Fault, check_storable, may_hold_nul, read_parts, refuse_faults

MAX_POINTER: Final = 4096
"""Characters of a pointer; a longer one, of names that somebody made up, is not searched and not shown."""


class BatchItem(NamedTuple):
    """An item of a body that was parsed as a whole. `may_hold_nul`, `may_hold_faults` False: nobody has to look for any."""

    value: Any
    may_hold_nul: bool
    may_hold_faults: bool

    def parse(self) -> Any:
        """The item's JSON; raises the 422 problem where it can't be stored, with a pointer into the item."""
        check_storable(self.value, nul=self.may_hold_nul)
        if self.may_hold_faults:
            refuse_faults(self.value)
        return self.value


def read_items(name: str, body: bytes, most: int, max_values: int = MAX_VALUES, *, hint: str = "") -> list[BatchItem]:
    """The 1 to `most` items of a batch; `hint` is said where there are more.

    Raises:
        MalformedJson: it isn't JSON.
        Problem: 413, 422, it is no batch.
    """
    whole, may_hold_faults = read_parts(body, max_values)
    if isinstance(whole, Fault):
        refuse_faults(whole)
    if not isinstance(whole, dict):
        raise _refused(f"The body is a JSON object with {name}.")
    if name not in whole:
        raise _refused(f"The body has no {name}.", name)
    unknown = [member for member in whole if member != name]
    if unknown:
        raise _unknown_members(name, unknown)
    items = whole[name]
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        raise _refused(f"It is a list of 1 to {most} items{hint}.", name)
    nul = may_hold_nul(body)
    return [BatchItem(item, nul, may_hold_faults) for item in items]


def shown_pointer(problem: Problem) -> str:
    """Where in an item the problem is, with the names masked that somebody made up."""
    pointer = problem.pointer or ""
    return mask(pointer) if len(pointer) <= MAX_POINTER else ""


def _refused(detail: str, *path: str) -> Problem:
    return Problem(422, "invalid-request", "The request breaks a rule.", detail, pointer=pointer_to(path))


def _unknown_members(name: str, unknown: Sequence[str]) -> Problem:
    """A name that is longer than names may be is not shown."""
    errors = [
        ProblemError(
            pointer=pointer_to([mask(member)]) if len(member) <= MAX_NAME else "",
            rule="extra_forbidden",
            detail=f"The body holds {name} and nothing else.",
        )
        for member in unknown[:MAX_ERRORS]
    ]
    return Problem(
        422, "invalid-request", "The request breaks a rule.", errors[0].detail, pointer=errors[0].pointer, errors=errors
    )
