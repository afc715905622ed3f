"""qa's copies of projects, annotators and models."""

from services.qa.storage import annotators, counters, predictions, projects
from services.qa.storage.counters import BackgroundWork, Mark
from shared.contracts.events import AnnotatorChanged, ModelChanged, ProjectChanged
from shared.contracts.values import ModelStage
from shared.kit.consuming import EventSet, release_parked
from shared.kit.database import Session


async def keep_projects(session: Session, events: EventSet[ProjectChanged]) -> None:
    """Keep the newest copy of each project; what waited for it is released."""
    newest = {event.project_id: event for event in sorted(events, key=lambda one: one.revision) if event.project_id}
    saved = await projects.save(session, list(newest.values()))
    if saved:
        await counters.add(session, {}, {Mark(one, BackgroundWork.THRESHOLD_TEST): 1 for one in saved})
        await release_parked(session, "project", saved)


async def keep_annotators(session: Session, events: EventSet[AnnotatorChanged]) -> None:
    """Keep the newest state of each annotator."""
    newest = {event.payload.annotator_id: event for event in sorted(events, key=lambda one: one.revision)}
    await annotators.save(session, list(newest.values()))


async def keep_models(session: Session, events: EventSet[ModelChanged]) -> None:
    """Keep the newest state of each model; a new champion is tested."""
    for event in events:  # a model changes a few times in its life, and each change counts
        if await predictions.save_model(session, event) and event.payload.stage is ModelStage.CHAMPION:
            assert event.project_id is not None
            await counters.mark(session, event.project_id, BackgroundWork.THRESHOLD_TEST)
