"""What a project's models learn to answer: one `choice` question about one field."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from services.prelabel.exceptions import ManifestRefused
from shared.contracts.answers import LabelSchema
from shared.contracts.answers.kinds.choice import ChoiceQuestion
from shared.contracts.events import ModelManifest

Task = Literal["text_classification", "image_classification"]
_TASK_OF: Final[Mapping[str, Task]] = {"text": "text_classification", "image": "image_classification"}


@dataclass(frozen=True, slots=True)
class Objective:
    """The question, the field that is read to answer it, and its classes in the schema's order."""

    schema_version: int
    question: str
    field: str
    task: Task
    labels: tuple[str, ...]


def objective_of(schema: LabelSchema, version: int) -> Objective | None:
    """The first choice question that is always asked, about the first required text or image field.

    None when the schema has no such question or field: then records are selected by chance and by k-means alone.
    """
    questions = [question for question in schema.questions if isinstance(question, ChoiceQuestion)]
    questions.sort(key=lambda question: (question.visible_when is not None, not question.required))
    fields = sorted((field for field in schema.fields if field.kind in _TASK_OF), key=lambda field: not field.required)
    if not questions or not fields:
        return None
    question, field = questions[0], fields[0]
    return Objective(version, question.name, field.name, _TASK_OF[field.kind], tuple(question.labels))


def label_of(objective: Objective, answers: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The class that a label gives to the objective's question; None when it gives none that the schema knows."""
    label = answers.get(objective.question, {}).get("label")
    return label if isinstance(label, str) and label in objective.labels else None


def check_manifest(manifest: ModelManifest, schemas: Mapping[int, LabelSchema]) -> None:
    """Refuse a model that answers what the project doesn't ask.

    Raises:
        ManifestRefused: it is so; with the JSON pointer into the manifest.
    """
    schema = schemas.get(manifest.schema_version)
    if schema is None:
        raise ManifestRefused("/schema_version", "the project has no schema of this version")
    question = next((each for each in schema.questions if each.name == manifest.question), None)
    if not isinstance(question, ChoiceQuestion):
        raise ManifestRefused("/question", "must name a question of kind choice in the schema")
    field = next((each for each in schema.fields if each.name == manifest.field), None)
    if field is None or _TASK_OF.get(field.kind) != manifest.task:
        raise ManifestRefused("/field", f"must name a field of the schema that {manifest.task} can read")
    if len(set(manifest.labels)) != len(manifest.labels):
        raise ManifestRefused("/labels", "must be unique")
    unknown = set(manifest.labels) - set(question.labels)
    if unknown:
        raise ManifestRefused("/labels", "must be labels of the question")
    if manifest.task == "image_classification" and (manifest.width is None or manifest.height is None):
        raise ManifestRefused("/width", "an image model must give width and height")
