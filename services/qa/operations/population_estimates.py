"""Estimates of what a project's records hold: read as they were made last, at any level and of any share of the labels."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.qa.domain.agreement_counts import chooses_one_class
from services.qa.domain.population import PopulationEstimate, PopulationSize, share_of
from services.qa.domain.project import Project
from services.qa.exceptions import UnknownLabel, UnknownQuestion, UnknownSchemaVersion
from services.qa.storage import population
from services.qa.storage.counters import BackgroundWork
from services.qa.storage.population import StoredPopulation
from shared.contracts.answers.kinds.choice import ChoiceQuestion
from shared.kit.database import Session

_WHOLE = ""


@dataclass(frozen=True, slots=True)
class SliceEstimates:
    """What was estimated of the project (`slice_key` None), or of the records of a slice."""

    slice_key: str | None
    slice_value: str | None
    size: PopulationSize
    shares: Sequence[tuple[str, PopulationEstimate]]
    pass_rate: PopulationEstimate | None
    accuracy: PopulationEstimate | None

    @property
    def is_known(self) -> bool:
        """Whether anything can be said of it."""
        return any(one.is_known for _, one in self.shares) or (self.accuracy is not None and self.accuracy.is_known)


@dataclass(frozen=True, slots=True)
class QuestionEstimates:
    """`counted_at` None: nothing was counted yet. `hidden`: slices of which too few labels were drawn."""

    question: str
    schema_version: int
    counted_at: datetime | None
    current: bool
    project: SliceEstimates | None
    slices: Sequence[SliceEstimates]
    hidden: int


async def of_project(
    session: Session,
    project: Project,
    *,
    schema_version: int | None = None,
    question: str | None = None,
    slice_key: str | None = None,
    passing: Collection[str] = (),
) -> list[QuestionEstimates]:
    """Return the estimates of every question of a schema version that chooses one class, or of one of them.

    `passing`: labels whose common share is wanted, too.

    Raises:
        UnknownSchemaVersion: there is no such version.
        UnknownQuestion: that version asks no question that chooses one class, or not this one.
        UnknownLabel: no question that is asked for has all of the labels that pass.
    """
    version = schema_version or project.content.active_schema
    schema = None if version is None else project.schema(version)
    if version is None or schema is None:
        raise UnknownSchemaVersion(version)
    asked = [
        one
        for one in schema.questions
        if question in {None, one.name} and chooses_one_class(one) and isinstance(one, ChoiceQuestion)
    ]
    if question is not None and not asked:
        raise UnknownQuestion(f"Schema {version} has no question of this name that chooses one label.")
    if passing and not any(set(passing) <= set(one.labels) for one in asked):
        raise UnknownLabel
    keys = [_WHOLE, slice_key] if slice_key else [_WHOLE]
    stored = await population.of_questions(session, project.project_id, version, [one.name for one in asked], keys)
    outdated = await population.is_outdated(session, project.project_id, BackgroundWork.POPULATION)
    found = []
    for one in asked:
        rows = [row for row in stored if row.question == one.name]
        read = [_read(one, row, frozenset(passing)) for row in rows]
        slices = [each for each in read if each.slice_key is not None]
        found.append(
            QuestionEstimates(
                one.name,
                version,
                rows[0].counted_at if rows else None,
                bool(rows) and not outdated,
                next((each for each in read if each.slice_key is None), None),
                [each for each in slices if each.is_known],
                sum(not each.is_known for each in slices),
            )
        )
    return found


def _read(question: ChoiceQuestion, row: StoredPopulation, passing: frozenset[str]) -> SliceEstimates:
    content, sliced = row.content, row.slice_key != _WHOLE
    passes = share_of(row.cells, passing, len(question.labels)) if passing and passing <= set(question.labels) else None
    return SliceEstimates(
        row.slice_key if sliced else None,
        row.slice_value if sliced else None,
        PopulationSize(**content["size"]),
        [(label, PopulationEstimate.from_json(one)) for label, one in content["shares"]],
        passes if row.cells else None,
        None if content["accuracy"] is None else PopulationEstimate.from_json(content["accuracy"]),
    )
