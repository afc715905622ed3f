"""Topic `annotators`: who may be served, latest per key; an opaque id, no name."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.contracts.envelope import Payload
from shared.contracts.values import AnnotatorStatus, Pool


class AnnotatorChanged(Payload):
    """The key is the annotator's id. `skills` 0-100 by name; `languages` as BCP 47 tags."""

    annotator_id: UUID
    pool: Pool
    skills: dict[str, Annotated[int, Field(ge=0, le=100)]] = Field(default={})
    languages: list[str] = Field(default=[])
    status: AnnotatorStatus
