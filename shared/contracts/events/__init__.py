"""All events, by topic. `shared.contracts.topics` has who writes and who reads them."""

from shared.contracts.events.annotations import (
    AnnotationSubmitted,
    RecordRouted,
    TaskServable,
    TaskSkipped,
    TaskUnservable,
)
from shared.contracts.events.annotators import AnnotatorChanged
from shared.contracts.events.erasures import AnnotationsErased, ErasureReported, LabelsErased, PredictionsErased
from shared.contracts.events.feedback import FeedbackReceived
from shared.contracts.events.labels import GoldPlaced, GoldWithdrawn, LabelFinalized, LabelRetracted, RecordUnlabelable
from shared.contracts.events.models import (
    ClassShares,
    ModelChanged,
    ModelDrift,
    ModelEvaluation,
    ModelManifest,
    ModelTempering,
    ModelTest,
)
from shared.contracts.events.predictions import LabelDoubted, RecordPredicted, Selection, Unanswered, Uncertainty
from shared.contracts.events.projects import GuidelineVersion, PolicyVersion, ProjectChanged, SchemaVersion
from shared.contracts.events.quality import (
    AnnotatorAssessed,
    AutoAcceptThresholdSet,
    ChainSealed,
    DriftDetected,
    DriftEvidence,
    ReleasePublished,
    ThresholdEvidence,
)
from shared.contracts.events.records import AssetReference, FieldValue, RecordAccepted, RecordErased, SliceValue
from shared.contracts.events.requests import AnnotationsRequested, ArbitrationRequested, RelabelRequested
from shared.contracts.events.work import WorkLogged

__all__ = [
    "AnnotationSubmitted",
    "AnnotationsErased",
    "AnnotationsRequested",
    "AnnotatorAssessed",
    "AnnotatorChanged",
    "ArbitrationRequested",
    "AssetReference",
    "AutoAcceptThresholdSet",
    "ChainSealed",
    "ClassShares",
    "DriftDetected",
    "DriftEvidence",
    "ErasureReported",
    "FeedbackReceived",
    "FieldValue",
    "GoldPlaced",
    "GoldWithdrawn",
    "GuidelineVersion",
    "LabelDoubted",
    "LabelFinalized",
    "LabelRetracted",
    "LabelsErased",
    "ModelChanged",
    "ModelDrift",
    "ModelEvaluation",
    "ModelManifest",
    "ModelTempering",
    "ModelTest",
    "PolicyVersion",
    "PredictionsErased",
    "ProjectChanged",
    "RecordAccepted",
    "RecordErased",
    "RecordPredicted",
    "RecordRouted",
    "RecordUnlabelable",
    "RelabelRequested",
    "ReleasePublished",
    "SchemaVersion",
    "Selection",
    "SliceValue",
    "TaskServable",
    "TaskSkipped",
    "TaskUnservable",
    "ThresholdEvidence",
    "Unanswered",
    "Uncertainty",
    "WorkLogged",
]
