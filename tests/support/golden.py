"""The golden events, as a service hears them: one of each type, all about one record of one project."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.contracts.envelope import Event
from tests.support.events import parse_event
from tests.support.service import ServiceUnderTest

_EXAMPLES = Path(__file__).resolve().parents[2] / "shared" / "contracts" / "examples"
_IN_LOOP_ORDER = ("ProjectChanged", "AnnotatorChanged", "RecordAccepted", "ModelChanged", "RecordPredicted")


def golden_events() -> Iterator[Event[Any]]:
    """Every golden event, what others need first; none that ends the record for good."""
    paths = {path.name.split(".")[0]: path for path in sorted(_EXAMPLES.glob("*.json"))}
    names = [*_IN_LOOP_ORDER, *(name for name in paths if name not in {*_IN_LOOP_ORDER, "RecordErased"})]
    for name in names:
        yield golden(name)


def golden(name: str) -> Event[Any]:
    return parse_event((_EXAMPLES / f"{name}.v1.json").read_bytes())


def golden_ids() -> dict[str, UUID]:
    """The ids that paths name, as they stand in the golden events."""
    record, annotator, model = golden("RecordAccepted"), golden("AnnotatorChanged"), golden("ModelChanged")
    release = golden("ReleasePublished")
    assert record.project_id is not None
    assert record.record_id is not None
    return {
        "project_id": record.project_id,
        "record_id": record.record_id,
        "annotator_id": annotator.payload.annotator_id,
        "model_id": model.payload.model_id,
        "release_id": release.payload.release_id,
    }


def handled_by(service: ServiceUnderTest) -> set[tuple[str, int]]:
    """The types and versions of the events that a service subscribes to."""
    subscriptions = service.runtime.spec.subscriptions(service.runtime)
    return {(each.payload.event_type(), each.payload.event_version) for each in subscriptions}
