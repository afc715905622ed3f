"""What product systems and qa report about models."""

from typing import Any, Final
from uuid import UUID

from services.prelabel.storage import reports
from services.prelabel.storage.reports import ModelReport, Note
from shared.contracts.envelope import Event
from shared.contracts.events import AutoAcceptThresholdSet, FeedbackReceived, ReleasePublished
from shared.kit.consuming import EventSet
from shared.kit.database import Session

_LATEST_VERSION: Final = 2**31 - 1


async def keep_feedback(session: Session, events: EventSet[FeedbackReceived]) -> None:
    """Keep what is reported of models' answers; a version that is no number of ours is kept as unknown."""
    found = []
    for event in events:
        payload = event.payload
        assert event.project_id is not None
        found.append(
            ModelReport(
                payload.feedback_id,
                event.project_id,
                payload.model_id,
                _version(payload.model_version),
                payload.verdict,
            )
        )
    await reports.add_feedback(session, found)


async def keep_thresholds(session: Session, events: EventSet[AutoAcceptThresholdSet]) -> None:
    notes = []
    for event in events:
        payload = event.payload
        part = f"{payload.schema_version}/{payload.question}/{payload.label or ''}"
        notes.append(_note(event, "threshold", payload.model_id, payload.threshold_revision, part))
    await reports.keep_notes(session, notes)


async def keep_releases(session: Session, events: EventSet[ReleasePublished]) -> None:
    await reports.keep_notes(
        session, [_note(event, "release", event.payload.release_id, event.revision) for event in events]
    )


def _note(event: Event[Any], kind: str, subject_id: UUID, revision: int, part: str = "") -> Note:
    assert event.project_id is not None
    body: str = event.payload.model_dump_json()
    return Note(event.project_id, kind, subject_id, part, revision, body, event.occurred_at)


def _version(text: str | None) -> int | None:
    """The version number that a product system gives, if it is one of ours."""
    if text is None or not text.isdecimal() or int(text) > _LATEST_VERSION:
        return None
    return int(text)
