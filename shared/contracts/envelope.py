"""The envelope every event travels in."""

from datetime import UTC, datetime
from typing import ClassVar, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from shared.contracts.values import Role

MAX_EVENT_BYTES = 512 * 1024
"""The largest event, as JSON in UTF-8. Checked when an event enters the outbox."""


class Secret(NamedTuple):
    """A field that the bus carries and `GET /v1/events` leaves out, except for `roles`.

    `path` leads to it from the payload; `*` is every item of a list.
    """

    path: tuple[str, ...]
    roles: frozenset[Role] = frozenset()


class Payload(BaseModel):
    """The content of an event. Readers ignore fields they don't know; writers only ever add optional ones.

    `event_version` grows only by a break, which is a new class beside the old one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    event_version: ClassVar[int] = 1
    secrets: ClassVar[tuple[Secret, ...]] = ()
    kept_when_erased: ClassVar[bool] = False
    """Whether an event of an erased record stays as it was published. Of all others the payload goes."""

    @classmethod
    def event_type(cls) -> str:
        """The past-tense name that the envelope carries as `type`."""
        return cls.__name__


P_co = TypeVar("P_co", bound=Payload, covariant=True)


class Event(BaseModel, Generic[P_co]):
    """A fact with its context.

    `revision` is the revision of the entity that the event's key names: a reader that holds a higher one changes
    nothing. `caused_by` is the id of the event before; following it back gives a record's history.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    type: str
    version: int = Field(ge=1)
    occurred_at: AwareDatetime
    project_id: UUID | None = None
    record_id: UUID | None = None
    revision: int = Field(default=1, ge=1)
    caused_by: UUID | None = None
    traceparent: str | None = None
    payload: P_co

    @field_validator("occurred_at")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        return value.astimezone(UTC)
