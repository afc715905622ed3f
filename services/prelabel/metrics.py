"""What an operator sees of models at work; the kit counts events, requests and loops."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

WAITING: Final = Gauge("touchstone_inference_waiting_items", "Items that wait for a model.")
INFERRED: Final = Counter("touchstone_inference_items", "Items that a model was run on.")
RUN_S: Final = Histogram(
    "touchstone_inference_batch_seconds",
    "How long a model took for one batch.",
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 30),
)
SCORED: Final = Counter(
    "touchstone_records_scored", "Records scored, by whether the model had an answer.", ("answered",)
)
UNANSWERED: Final = Counter(
    "touchstone_records_unanswered", "Records that the champion was asked about in vain, by the reason.", ("reason",)
)
TRAINED: Final = Counter(
    "touchstone_trainings", "Attempts at training runs, by why they failed.", ("outcome", "reason")
)
TRAIN_S: Final = Histogram(
    "touchstone_training_seconds", "How long a training took.", buckets=(0.5, 1, 2, 5, 15, 60, 300, 900)
)
COMPARED: Final = Counter("touchstone_models_compared", "Challengers compared, by what became of them.", ("stage",))
BROKEN: Final = Counter(
    "touchstone_inference_broken_limits", "Batches of models that exceeded their limits or crashed.", ("reason",)
)
DRIFTED: Final = Gauge(
    "touchstone_models_drifted",
    "Champions with an alarm of drift, by its kind; of the replica that watches.",
    ("kind",),
)
SET_ASIDE: Final = Counter("touchstone_models_set_aside", "Models that are asked no more, because they take too much.")
