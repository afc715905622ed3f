"""qa's copies of projects, annotators and models."""

from services.qa.storage import annotators, counters, predictions, projects
from services.qa.storage.counters import BackgroundWork, Mark
from shared.contracts.envelope import Event
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
    """Keep the newest state of each annotator. Where somebody became an expert, thresholds are tested that waited for one."""
    newest = {event.payload.annotator_id: event for event in sorted(events, key=lambda one: one.revision)}
    if await annotators.save(session, list(newest.values())):
        await counters.mark_with_champions(session, BackgroundWork.THRESHOLD_TEST)


async def keep_models(session: Session, events: EventSet[ModelChanged]) -> None:
    """Keep the newest state of each model; a new champion is tested."""
    in_order = sorted(events, key=lambda one: one.revision)
    newest = {event.payload.model_id: event for event in in_order}
    since = {event.payload.model_id: event.occurred_at for event in in_order if _is_champion(event)}
    saved = await predictions.save_models(session, [(event, since.get(key)) for key, event in newest.items()])
    tested = {event.project_id for key, event in newest.items() if key in saved and _is_champion(event)}
    await counters.add(session, {}, {Mark(one, BackgroundWork.THRESHOLD_TEST): 1 for one in tested if one is not None})


def _is_champion(event: Event[ModelChanged]) -> bool:
    return event.payload.stage is ModelStage.CHAMPION
