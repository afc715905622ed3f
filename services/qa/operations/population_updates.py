"""Counts a project's records and estimates what they hold, whenever labels or predictions have changed.

Pages of records are counted in short transactions, and the estimates are computed outside of any. A count is of no one
moment: a record that changes its state meanwhile may be counted in neither or in both, as the next count puts right.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.qa.compute.population import estimates_of
from services.qa.domain.agreement_counts import chooses_one_class
from services.qa.domain.population import PopulationCell
from services.qa.domain.prediction_powered import FEWEST
from services.qa.domain.project import Project
from services.qa.storage import population, predictions, projects
from services.qa.storage.population import CountedQuestion, HeldOutShares
from shared.contracts.answers.kinds.choice import ChoiceQuestion
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Database

_RECORDS_AT_ONCE: Final = 5_000
_MOST_VALUES: Final = 50
"""A key of slices with more values than that sets single records apart: nothing is estimated by it."""
_MOST_SLICES: Final = 500

WHOLE: Final = ("", "")
"""The slice that is the whole project."""


async def recount(database: Database, compute: ComputePool, project_id: UUID, now: datetime) -> None:
    """Count the records of a project by every question of the active schema that chooses one class."""
    async with database.transaction() as session:
        project = await projects.load(session, project_id)
        champion = await predictions.champion(session, project_id)
    version = None if project is None else project.content.active_schema
    schema = None if project is None or version is None else project.schema(version)
    if project is None or version is None or schema is None:
        return
    for question in schema.questions:
        if not (chooses_one_class(question) and isinstance(question, ChoiceQuestion)):
            continue
        answered = champion is not None and (champion.schema_version, champion.question) == (version, question.name)
        counted = CountedQuestion(
            project_id,
            version,
            question.name,
            champion.model_id if champion is not None and answered else None,
            held_out_shares(project),
        )
        cells = await _count(database, counted)
        contents = await compute.run(estimates_of, question.labels, cells, project_id=project_id)
        async with database.transaction() as session:
            await population.replace(session, counted, cells, contents, now)


def held_out_shares(project: Project) -> HeldOutShares:
    """Return which share of records policies have held out, from the moment on that each was made."""
    versions = sorted(project.content.policies, key=lambda one: one.created_at)
    since = [int(one.created_at.timestamp() * 1000) for one in versions]
    shares = [one.policies.split.validation + one.policies.split.test for one in versions]
    return HeldOutShares([0, *since[1:]], shares)


async def _count(database: Database, question: CountedQuestion) -> Mapping[tuple[str, str], Sequence[PopulationCell]]:
    """Return the cells of the whole project and of each slice with enough records."""
    totals: dict[tuple[str, str], dict[tuple[object, ...], PopulationCell]] = {WHOLE: {}}
    values: dict[str, set[str]] = {}
    left_out: set[str] = set()
    for state in population.STATES:
        after = UUID(int=0)
        while True:
            async with database.transaction() as session:
                end = await population.end_of_page(session, question.project_id, state, after, _RECORDS_AT_ONCE)
                if end is None:
                    break
                page = await population.count(session, question, state, after, _RECORDS_AT_ONCE, sorted(left_out))
            after = end
            for (key, value), cells in page.items():
                if key in left_out:
                    continue
                if key:
                    values.setdefault(key, set()).add(value)
                    if len(values[key]) > _MOST_VALUES:
                        left_out.add(key)
                        continue
                _add(totals.setdefault((key, value), {}), cells)
    kept = {key: list(cells.values()) for key, cells in totals.items() if key[0] not in left_out}
    large = [key for key, cells in kept.items() if key == WHOLE or sum(cell.records for cell in cells) >= FEWEST]
    return {key: kept[key] for key in sorted(large)[:_MOST_SLICES]}


def _add(total: dict[tuple[object, ...], PopulationCell], cells: Sequence[PopulationCell]) -> None:
    for cell in cells:
        alike = cell[:6]
        before = total.get(alike)
        if before is not None:
            cell = cell._replace(records=before.records + cell.records, confidence=before.confidence + cell.confidence)  # noqa: PLW2901
        total[alike] = cell
