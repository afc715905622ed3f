"""What the queue refuses, and why; `main` maps each to its status."""

from collections.abc import Sequence
from typing import Any

from shared.contracts.answers import Violation


class NotRegistered(Exception):
    """The token's subject is no annotator here."""


class UnknownLease(Exception):
    """There is no such lease of yours."""


class StaleLease(Exception):
    """The lease had ended before this came."""


class TaskClosed(Exception):
    """The task was closed before this came."""


class AnswersDiffer(Exception):
    """Another annotation was submitted under this lease."""


class AlreadySubmitted(Exception):
    """The annotation was submitted, which ended the lease."""


class AnswersTooLarge(Exception):
    """The answers are larger than an annotation can be."""


class DraftTooLarge(Exception):
    """The draft is larger than an annotation can be."""


class NoDraft(Exception):
    """Nothing was saved under this lease."""


class RecordGone(Exception):
    """The record was erased."""


class SchemaViolated(Exception):
    """The answers break the schema's rules."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("The rules that are broken are listed in `errors`.")
        self.errors = errors_of(violations)


def errors_of(violations: Sequence[Violation]) -> list[dict[str, Any]]:
    """What is wrong with the answers, with pointers into the body that they came in."""
    return [
        {"pointer": f"/answers{violation.pointer}", "rule": violation.rule, "detail": violation.message}
        for violation in violations
    ]


class ReasonRequired(Exception):
    """An arbiter's decision needs a reason."""

    pointer = "/reason"


class AnnotatorExists(Exception):
    """An annotator with this subject is registered already."""

    pointer = "/subject"


class AnnotatorChangedMeanwhile(Exception):
    """The annotator was changed by somebody else."""


class UnknownSchemaVersion(Exception):
    """The project has no such schema version."""

    pointer = "/schema_version"
