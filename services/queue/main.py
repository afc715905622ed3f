"""queue, wired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.queue import consumers, loops
from services.queue.api import actors, annotators, leases, projects, validation
from services.queue.exceptions import (
    AlreadySubmitted,
    AnnotatorChangedMeanwhile,
    AnnotatorExists,
    AnswersDiffer,
    AnswersTooLarge,
    DraftTooLarge,
    NoDraft,
    NotRegistered,
    ReasonRequired,
    RecordGone,
    SchemaViolated,
    StaleLease,
    TaskClosed,
    UnknownLease,
    UnknownSchemaVersion,
)
from services.queue.operations import erased_places, republication
from services.queue.resources import QueueResources, QueueRuntime
from services.queue.settings import QueueSettings
from services.queue.storage import projects as projects_storage
from shared.contracts.events import AnnotationsErased
from shared.kit.app import Loop, ServiceSpec, create_service_app
from shared.kit.erasures import ErasureSpec
from shared.recognition.choice import RecogniserNotInstalled

PROBLEMS: dict[type[Exception], int] = {
    NotRegistered: 403,
    UnknownLease: 404,
    NoDraft: 404,
    StaleLease: 409,
    TaskClosed: 409,
    AnswersDiffer: 409,
    AlreadySubmitted: 409,
    AnnotatorExists: 409,
    RecordGone: 410,
    AnnotatorChangedMeanwhile: 412,
    AnswersTooLarge: 413,
    DraftTooLarge: 413,
    SchemaViolated: 422,
    ReasonRequired: 422,
    UnknownSchemaVersion: 422,
    RecogniserNotInstalled: 503,
}


def create_app(settings: QueueSettings | None = None) -> FastAPI:
    """The service as an ASGI application; settings come from the environment unless given."""
    settings = settings or QueueSettings()

    @asynccontextmanager
    async def setup(_: QueueRuntime) -> AsyncIterator[QueueResources]:
        yield QueueResources(
            settings.retry_soon_s, settings.asset_url_ttl_s, settings.asset_base_url, settings.most_skips
        )

    return create_service_app(
        ServiceSpec(
            name="queue",
            title="Touchstone queue",
            description=(
                "Decides who must look at a record (nobody, one person, several, an expert), leases the tasks, "
                "validates and keeps the annotations. Annotation, review and arbitration are all leases."
            ),
            settings=settings,
            routers=(leases.router, annotators.router, actors.router, projects.router, validation.router),
            problems=PROBLEMS,
            subscriptions=consumers.subscriptions,
            loops=(
                Loop("expire_leases", settings.expiry_interval_s, loops.expire_leases),
                Loop("take_back", 5.0, loops.take_back),
                Loop("reroute", 2.0, loops.reroute),
                Loop("route_waiting", 5.0, loops.route_waiting),
                Loop("top_up_gold", 1.0, loops.top_up_gold, leader=False),
                Loop("look_through_gold", 300.0, loops.look_through_gold),
                Loop(
                    "find_unservable",
                    min(5.0, max(0.5, settings.unservable_after_s)),
                    loops.find_unservable(settings.unservable_after_s, settings.most_skips),
                ),
                Loop("fold_progress", 1.0, loops.fold_progress),
            ),
            republish=republication.whole_state,
            holding_personal_data=projects_storage.HOLDING_PERSONAL_DATA,
            erasure=ErasureSpec(erased_places.places, AnnotationsErased),
            setup=setup,
        )
    )
