"""What ingest raises; `services.ingest.main.PROBLEMS` says which status the edge gives to each.

`NotAccepted` concerns one item of many: an import reports it and goes on.
"""

from collections.abc import Sequence
from uuid import UUID


class NotAccepted(ValueError):
    """The record, report or line breaks a rule.

    `pointer` is a JSON pointer into the item, empty for all of it; `reason` names the rule for programs, `detail` explains it
    for people, without the value that breaks it. `record_id` is the record that it contradicts, if it does.
    """

    def __init__(self, pointer: str, reason: str, detail: str, record_id: UUID | None = None) -> None:
        super().__init__(pointer, reason, detail, record_id)  # all of them, so that it can be pickled
        self.pointer = pointer
        self.reason = reason
        self.detail = detail
        self.record_id = record_id

    def __str__(self) -> str:
        return self.detail


class NotAnImage(ValueError):
    """The data is not a PNG or JPEG image that can be read."""


class ImageTooLarge(ValueError):
    """The image has more bytes or pixels than are accepted."""


class ImportInterrupted(Exception):
    """The import broke off before its last line."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.retry_after_s = 2


class ObjectsNotDeleted(Exception):
    """The object store kept some of what was to be deleted; the next sweep tries again."""


class ProjectArchived(Exception):
    """The project is archived: it takes nothing in."""


class NoActiveSchema(Exception):
    """The project has no active schema yet: it can't take records in."""


class ProjectChangedMeanwhile(Exception):
    """Somebody else changed the project after it was read."""


class UnknownSchemaVersion(Exception):
    """The project has no such schema version."""


class UnknownVersion(ValueError):
    """The project has no such version."""

    def __init__(self, message: str, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer


class PersonalDataInSchema(ValueError):
    """A name or label holds personal data, and cannot be masked without changing what it means."""

    def __init__(self, pointer: str) -> None:
        super().__init__(pointer)  # as `NotAccepted`
        self.pointer = pointer

    def __str__(self) -> str:
        return "names and labels are published as they are"


class ProjectTooCostly(Exception):
    """It takes too much time or memory to search these texts for personal data."""


class LabelsLookAlike(ValueError):
    """Two labels of a question look the same."""

    def __init__(self, pointer: str, first: int) -> None:
        super().__init__(pointer, first)  # as `NotAccepted`
        self.pointer = pointer
        self.first = first

    def __str__(self) -> str:
        return f"nobody can tell it from label {self.first + 1}: they differ by white space or how they are written"


class LabelTurnsWriting(ValueError):
    """A label has characters that turn the direction of writing."""

    def __init__(self, pointer: str) -> None:
        super().__init__(pointer)
        self.pointer = pointer

    def __str__(self) -> str:
        return "it may look like another one: leave out what changes the order in which its characters are shown"


class LabelShowsNothing(ValueError):
    """A label or a title shows nothing."""

    def __init__(self, pointer: str) -> None:
        super().__init__(pointer)
        self.pointer = pointer

    def __str__(self) -> str:
        return "it is of white space and invisible characters alone, so nobody can see it"


class PersonalDataInPolicies(ValueError):
    """A purpose holds personal data; purposes are published as they are."""

    def __init__(self, place: int) -> None:
        super().__init__(place)  # as `NotAccepted`
        self.pointer = f"/purposes_required/{place}"

    def __str__(self) -> str:
        return "choose another word for the purpose"


class ImpossiblePurpose(ValueError):
    """No record can have a purpose that is blank or too long."""

    def __init__(self, place: int, longest: int) -> None:
        super().__init__(place, longest)  # as `NotAccepted`
        self.longest = longest
        self.pointer = f"/purposes_required/{place}"

    def __str__(self) -> str:
        return f"a purpose has 1 to {self.longest} characters, of which one can be seen and none turns the direction of writing"


class NotErased(Exception):
    """The record was not erased: there is no receipt."""


class NoOpenRecordFits(Exception):
    """No open record has the fields that the schema needs."""

    def __init__(self, counted: int, missing: Sequence[str], *, all_counted: bool) -> None:
        super().__init__(counted, missing, all_counted)
        which = f"of the {counted} open records" if all_counted else f"of the newest {counted} open records"
        names = ", ".join(f"`{name}`" for name in missing)
        self.detail = (
            f"None {which} has all fields that the schema needs; what is missing: {names}. With `force=true` it becomes"
            " active all the same: people get these records without the missing fields and answer what they can, and a"
            " question about a field that a record lacks is not asked of it. With `activate=false` a new version is only"
            " added."
        )

    def __str__(self) -> str:
        return self.detail
