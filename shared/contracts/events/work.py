"""Topic `work`: what annotators spent time on, counted or not."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.contracts.envelope import Payload
from shared.contracts.values import TaskKind

Activity = Literal["submitted", "skipped", "released", "expired", "refused"]


class WorkLogged(Payload):
    """One lease's end. `refused` is work that came too late to count; it is work all the same.

    `expired` is published once for a lease that ran out. Its holder may work on until somebody else has the task: then it is
    followed by the end that it came to, most often `submitted` or `refused`.
    """

    annotator_id: UUID
    task_id: UUID
    task_kind: TaskKind
    activity: Activity
    leased_at: AwareDatetime
    ended_at: AwareDatetime
    active_s: float | None = Field(default=None, ge=0.0)
