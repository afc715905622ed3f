"""The registry of topics: which events, keyed by what, written by whom, read by whom, kept how long."""

from dataclasses import dataclass
from typing import Literal

from shared.contracts import events
from shared.contracts.envelope import Payload
from shared.contracts.services import ServiceName

Key = Literal["project_id", "record_id", "annotator_id", "model_id"]
Kept = Literal["compacted", "retention"]


@dataclass(frozen=True, slots=True)
class Topic:
    """A stream of events. `compacted` keeps the latest event per key, `retention` keeps all for the retention time."""

    name: str
    key: Key
    kept: Kept
    events: tuple[type[Payload], ...]
    producer: ServiceName
    consumers: tuple[ServiceName, ...]
    description: str


TOPICS: tuple[Topic, ...] = (
    Topic(
        "projects", "project_id", "compacted", (events.ProjectChanged,),
        "ingest", ("prelabel", "queue", "qa"), "Projects, whole: schemas, guidelines, policies.",
    ),
    Topic(
        "records", "record_id", "retention", (events.RecordAccepted, events.RecordErased),
        "ingest", ("prelabel", "queue", "qa"), "Records, de-identified.",
    ),
    Topic(
        "predictions", "record_id", "retention", (events.RecordPredicted, events.LabelDoubted),
        "prelabel", ("queue", "qa"), "What a model answers, what is worth a person's time, and which labels look wrong.",
    ),
    Topic(
        "annotations", "record_id", "retention",
        (events.RecordRouted, events.AnnotationSubmitted, events.TaskSkipped, events.TaskUnservable, events.TaskServable),
        "queue", ("qa",), "How records are routed and what people answer.",
    ),
    Topic(
        "annotators", "annotator_id", "compacted", (events.AnnotatorChanged,),
        "queue", ("qa",), "Who may be served; opaque ids.",
    ),
    Topic("work", "annotator_id", "retention", (events.WorkLogged,), "queue", ("qa",), "Time spent, counted or not."),
    Topic(
        "requests", "record_id", "retention",
        (events.AnnotationsRequested, events.ArbitrationRequested, events.RelabelRequested),
        "qa", ("queue",), "What qa asks queue to collect.",
    ),
    Topic(
        "labels", "record_id", "retention",
        (events.LabelFinalized, events.LabelRetracted, events.RecordUnlabelable, events.GoldPlaced, events.GoldWithdrawn),
        "qa", ("ingest", "prelabel", "queue"), "How records end.",
    ),
    Topic(
        "quality", "project_id", "retention",
        (events.AnnotatorAssessed, events.AutoAcceptThresholdSet, events.DriftDetected, events.ReleasePublished,
         events.ChainSealed),
        "qa", ("prelabel", "queue"), "What qa concludes about annotators, models and releases; signed seals of lineage.",
    ),
    Topic(
        "models", "model_id", "compacted", (events.ModelChanged,),
        "prelabel", ("qa",), "Model versions, whole.",
    ),
    Topic(
        "feedback", "record_id", "retention", (events.FeedbackReceived,),
        "ingest", ("prelabel", "qa"), "What product systems report of live predictions.",
    ),
    Topic(
        "erased-predictions", "record_id", "retention", (events.PredictionsErased,),
        "prelabel", ("ingest",), "What prelabel has erased of a record.",
    ),
    Topic(
        "erased-annotations", "record_id", "retention", (events.AnnotationsErased,),
        "queue", ("ingest",), "What queue has erased of a record.",
    ),
    Topic(
        "erased-labels", "record_id", "retention", (events.LabelsErased,),
        "qa", ("ingest",), "What qa has erased of a record.",
    ),
)  # fmt: skip

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
TOPIC_OF: dict[type[Payload], Topic] = {payload: topic for topic in TOPICS for payload in topic.events}
PAYLOADS: dict[tuple[str, int], type[Payload]] = {
    (payload.event_type(), payload.event_version): payload for payload in TOPIC_OF
}
