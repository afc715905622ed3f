"""ingest, wired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.ingest import consumers, loops
from services.ingest.api import assets, feedback, projects, records, schemas
from services.ingest.exceptions import (
    ImageTooLarge,
    ImportInterrupted,
    ImpossiblePurpose,
    LabelShowsNothing,
    LabelsLookAlike,
    LabelTurnsWriting,
    NoActiveSchema,
    NoOpenRecordFits,
    NotAnImage,
    NotErased,
    PersonalDataInPolicies,
    PersonalDataInSchema,
    ProjectArchived,
    ProjectChangedMeanwhile,
    ProjectTooCostly,
    UnknownSchemaVersion,
    UnknownVersion,
)
from services.ingest.operations import erasures, republication
from services.ingest.operations.context import IntakeContext
from services.ingest.resources import IngestResources, IngestRuntime
from services.ingest.settings import IngestSettings
from services.ingest.storage import erasures as erasure_storage
from services.ingest.storage import projects as projects_storage
from shared.kit.app import Loop, ServiceSpec, create_service_app
from shared.kit.erasures import ErasureSpec
from shared.recognition.choice import RecogniserNotInstalled

PROBLEMS: dict[type[Exception], int] = {
    NotErased: 404,
    UnknownSchemaVersion: 404,
    ProjectArchived: 409,
    NoActiveSchema: 409,
    NoOpenRecordFits: 409,
    ProjectChangedMeanwhile: 412,
    ImageTooLarge: 413,
    ProjectTooCostly: 413,
    NotAnImage: 422,
    PersonalDataInSchema: 422,
    LabelShowsNothing: 422,
    LabelsLookAlike: 422,
    LabelTurnsWriting: 422,
    ImpossiblePurpose: 422,
    PersonalDataInPolicies: 422,
    UnknownVersion: 422,
    RecogniserNotInstalled: 422,
    ImportInterrupted: 503,
}


def create_app(settings: IngestSettings | None = None) -> FastAPI:
    """The service as an ASGI application; settings come from the environment unless given."""
    settings = settings or IngestSettings()

    @asynccontextmanager
    async def setup(runtime: IngestRuntime) -> AsyncIterator[IngestResources]:
        limits = settings.limits()
        intake = IntakeContext(runtime.database, runtime.objects, runtime.compute, limits, runtime.stopping)
        yield IngestResources(limits, intake)

    return create_service_app(
        ServiceSpec(
            name="ingest",
            title="Touchstone ingest",
            description=(
                "Takes records in, checks consent, removes personal data, draws the split, and keeps them; "
                "takes in what product systems report of live predictions."
            ),
            settings=settings,
            routers=(projects.router, schemas.router, records.router, assets.router, feedback.router),
            problems=PROBLEMS,
            subscriptions=lambda _: consumers.subscriptions(),
            loops=(
                Loop("sweep_assets", 30.0, loops.sweep_assets),
                Loop("fold_feedback", 5.0, loops.fold_feedback),
            ),
            republish=republication.everything,
            holding_personal_data=projects_storage.HOLDING_PERSONAL_DATA,
            erasure=ErasureSpec(erasures.places, keep=erasures.keep_own, pending=erasure_storage.pending),
            setup=setup,
        )
    )
