"""prelabel, wired."""

from fastapi import FastAPI

from services.prelabel import consumers, jobs, loops
from services.prelabel.api import drift, learning, models, predictions
from services.prelabel.exceptions import (
    ArtifactDamaged,
    InferenceFailed,
    ManifestRefused,
    ModelChangedMeanwhile,
    ModelFileErased,
    ModelRefused,
    ModelSetAside,
    NoChampion,
    NoPredecessor,
    NotChampion,
    NothingToLearn,
    Overloaded,
    ProjectArchived,
    RunUnderWay,
)
from services.prelabel.operations import republication, training_runs, unlearning
from services.prelabel.settings import PrelabelSettings
from services.prelabel.setup import open_resources
from services.prelabel.storage import projects as projects_storage
from shared.contracts.events import PredictionsErased
from shared.kit.app import ServiceSpec, create_service_app
from shared.kit.erasures import ErasureSpec

PROBLEMS: dict[type[Exception], int] = {
    ManifestRefused: 422,
    ModelRefused: 422,
    ProjectArchived: 409,
    NothingToLearn: 409,
    RunUnderWay: 409,
    NotChampion: 409,
    NoPredecessor: 409,
    NoChampion: 409,
    ModelChangedMeanwhile: 412,
    ModelSetAside: 409,
    ModelFileErased: 410,
    InferenceFailed: 503,
    Overloaded: 503,
    ArtifactDamaged: 503,
}


def create_app(settings: PrelabelSettings | None = None) -> FastAPI:
    """The service as an ASGI application; settings come from the environment unless given."""
    return create_service_app(
        ServiceSpec(
            name="prelabel",
            title="Touchstone prelabel",
            description=(
                "Keeps models, predicts what comes in, chooses what is worth a person's time, and learns from the "
                "labels that come of it."
            ),
            settings=settings or PrelabelSettings(),
            routers=(models.router, predictions.router, learning.router, drift.router),
            problems=PROBLEMS,
            subscriptions=consumers.subscriptions,
            loops=loops.LOOPS,
            jobs={training_runs.FOLLOW: jobs.follow_training},
            job_cancellations={training_runs.FOLLOW: jobs.cancel_training},
            republish=republication.everything,
            holding_personal_data=projects_storage.HOLDING_PERSONAL_DATA,
            erasure=ErasureSpec(unlearning.places, PredictionsErased),
            setup=open_resources,
        )
    )
