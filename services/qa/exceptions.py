"""What qa raises; `services.qa.main.PROBLEMS` says which status the edge gives to each."""

from collections.abc import Sequence
from uuid import UUID

from shared.contracts.answers import Violation
from shared.kit.problems import ProblemError


class RecordErased(Exception):
    """The record was erased by right and is gone for good."""


class AnswersRefused(Exception):
    """The answers don't fit the schema or the record."""

    def __init__(self, violations: Sequence[Violation], prefix: str = "") -> None:
        super().__init__(f"{len(violations)} rule(s) are broken.")
        self.errors = [
            ProblemError(pointer=prefix + violation.pointer, rule=violation.rule, detail=violation.message)
            for violation in violations
        ]


class GoldTooLarge(Exception):
    """The answers are larger than an annotation may be, or take too long to check."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"At most {most_bytes} bytes of JSON, and no more parts than can be checked in some seconds.")


class GoldContradicted(Exception):
    """The request gives the record another gold answer before this one."""


class UnknownSchemaVersion(Exception):
    """The project has no schema of that version."""

    def __init__(self, version: int | None) -> None:
        super().__init__("No schema is active yet." if version is None else f"There is no schema {version}.")


class UnknownQuestion(Exception):
    """The schema has no question of that name."""


class UnknownLabel(Exception):
    """No question that is asked for has all of these labels."""


class ProjectArchived(Exception):
    """The project is archived: nothing new is made of it."""


class NotGold(Exception):
    """The record is not gold."""


class ReleaseNameTaken(Exception):
    """The project has a release of that name."""


class NotPaused(Exception):
    """The annotator is not paused in this project."""


class SealNotGenuine(Exception):
    """A seal in the database is not one that a known key signed."""

    def __init__(self, project_id: UUID, number: int, key_id: str, *, known: bool) -> None:
        why = "its signature does not verify" if known else f"its key {key_id} is not known"
        super().__init__(f"Seal {number} of project {project_id}: {why}. Nothing is sealed after it.")


class LabelWithoutLink(Exception):
    """A label stands that the chain of its record doesn't hold."""

    def __init__(self, record_id: UUID) -> None:
        super().__init__(f"The label of record {record_id} is not in the record's chain.")
