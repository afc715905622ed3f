"""What a service has erased of a record: the whole report, again whenever it changes. A place that is done stays done."""

from typing import ClassVar

from pydantic import AwareDatetime

from shared.contracts.envelope import Payload
from shared.contracts.erasure import ErasedPlace


class ErasureReported(Payload):
    """The places of one service that held content of an erased record. The revision counts the reports."""

    kept_when_erased: ClassVar[bool] = True

    erased_at: AwareDatetime
    places: list[ErasedPlace]


class PredictionsErased(ErasureReported):
    """prelabel: its copy of the content, the predictions, and the models that learnt from the record."""


class AnnotationsErased(ErasureReported):
    """queue: its copy of the content, tasks, drafts, annotations and why leases were released."""


class LabelsErased(ErasureReported):
    """qa: its copy of the content, annotations, labels, decisions, gold, and the releases that held the record."""
