"""What a project's records hold, from few labels."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Query

from services.qa.api.edges import project_or_404
from services.qa.api.estimate_shapes import EstimatesOut
from services.qa.api.quality import QuestionName, Reader
from services.qa.api.shapes import Version
from services.qa.exceptions import UnknownSchemaVersion
from services.qa.operations import population_estimates
from services.qa.resources import QaRuntimeDep
from services.qa.storage import population, work_attempts
from services.qa.storage.counters import BackgroundWork
from shared.kit.app import SessionDep
from shared.kit.endpoints import edge_router
from shared.kit.problems import responses

router = edge_router("quality")

LEVEL: Final = 0.9
HALF_WIDTH: Final = 0.02
_MOST_FAILING: Final = 100


@router.get(
    "/projects/{project_id}/estimates",
    responses=responses(404, 422),
    summary="Read what the records hold, from few labels",
)
async def read_estimates(
    session: SessionDep,
    runtime: QaRuntimeDep,
    reader: Reader,
    project_id: UUID,
    schema_version: Annotated[Version | None, Query(description="The active one by default.")] = None,
    question: QuestionName = None,
    slice_key: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Also of each value of this key of the metadata.")
    ] = None,
    passing: Annotated[
        list[Annotated[str, Query(max_length=200)]] | None,
        Query(max_length=100, description="Labels whose common share is the pass rate."),
    ] = None,
    level: Annotated[float, Query(ge=0.5, le=0.99, description="With which probability an interval holds.")] = LEVEL,
    half_width: Annotated[
        float, Query(ge=0.001, le=0.4, description="How many more labels an interval of ± this takes is shown.")
    ] = HALF_WIDTH,
) -> EstimatesOut:
    """Shares of labels, pass rates and how often machines are right, of all records and not only of the labelled ones.

    What people labelled is known. The rest is estimated from labels of records that were drawn by chance with a known
    probability, together with what the model predicts of all: the better it is, the narrower the intervals. They hold
    also where it is bad. Metadata is content: slices of a project that holds personal data are for who may see that.
    """
    project = await project_or_404(session, project_id)
    if slice_key is not None:
        await runtime.check_content(reader, project_id, session)
    found = await population_estimates.of_project(
        session,
        project,
        schema_version=schema_version,
        question=question,
        slice_key=slice_key,
        passing=passing or (),
    )
    version = schema_version or project.content.active_schema
    if version is None:
        raise UnknownSchemaVersion(version)
    keys = await population.slice_keys(session, project_id, version)
    failing = await work_attempts.failing(session, project_id, _MOST_FAILING)
    failure = next((one.failure for one in failing if one.work is BackgroundWork.POPULATION), None)
    return EstimatesOut.of(found, keys, failure, level=level, half_width=half_width)
