"""Who acts under which opaque id, for managers: tables and events of all services hold the ids alone."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.queue.api.shapes import Subject
from services.queue.resources import QueueRuntimeDep
from shared.contracts.values import Frozen, Role
from shared.kit.actors import Actors
from shared.kit.auth import Principal, requires
from shared.kit.endpoints import edge_router

router = edge_router("annotators")

_SUBJECT = "ada@idp"
_ACTOR = "8c6d2a10-5b7e-8f43-9a1d-2e4f6b8c0d1e"


class SubjectsIn(Frozen):
    """The `sub` of tokens."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"subjects": [_SUBJECT]}]})

    subjects: list[Subject] = Field(min_length=1, max_length=1_000)


class ActorOut(BaseModel):
    subject: str
    actor: str = Field(description="What stands for them in `placed_by`, `requested_by`, `created_by`, …")


class ActorsOut(BaseModel):
    """In the order they were asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"actors": [{"subject": _SUBJECT, "actor": _ACTOR}]}]})

    actors: list[ActorOut]


@router.post("/actors", summary="Find people's opaque ids")
async def find_actors(
    _manager: Annotated[Principal, requires(Role.MANAGER, whole_suite=True)],
    runtime: QueueRuntimeDep,
    body: SubjectsIn,
) -> ActorsOut:
    """Give the people who may have acted, and compare their ids with the one that was found. Nothing is kept."""
    actors = Actors(runtime.settings)
    return ActorsOut(actors=[ActorOut(subject=each, actor=actors.id_of(each)) for each in body.subjects])
