"""Bias: what differs between slices of the records, or between groups of annotators."""

from typing import Annotated
from uuid import UUID

from fastapi import Response
from pydantic import AwareDatetime, BaseModel, Field

from services.qa.api.edges import project_or_404
from services.qa.api.shapes import MOMENT, example
from services.qa.domain.bias import BiasMeasure, BiasSide
from services.qa.operations import bias as audits
from services.qa.storage import bias, projects
from shared.contracts.values import Role
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import NotKnownHere
from shared.kit.jobs import JobAccepted
from shared.kit.problems import responses

router = edge_router("bias")

Reader = Annotated[Principal, requires(Role.MANAGER, Role.AUDITOR, content=True)]
Manager = Annotated[Principal, requires(Role.MANAGER)]


class BiasShareOut(BaseModel):
    """A share with its 95 % interval, for further records and annotators of the same kind."""

    value: float
    low: float
    high: float


class BiasDifferenceOut(BiasShareOut):
    """The share less that of the others, with its 95 % interval."""

    p_value: float = Field(description="The probability of a difference as large if there were none.")


class BiasCellOut(BaseModel):
    """One slice of the records, or one group of annotators, on one measure. A hidden cell shows nothing but its name."""

    side: BiasSide
    dimension: str = Field(description="The name of the slice metadata; of annotators `pool` or `language`.")
    value: str = Field(description="Numbers of many values are cut at their quartiles.")
    measure: BiasMeasure
    question: str
    label: str | None = Field(description="The class, of the measures that are shares of classes.")
    hidden: bool = Field(description="It rests on too few records or annotators, or would show what a hidden one does.")
    records: int | None
    answers: int | None
    share: BiasShareOut | None
    others: float | None = Field(description="The share of all others of the dimension together.")
    difference: BiasDifferenceOut | None
    q_value: float | None = Field(
        description="Of all comparisons with a q value up to this one, such a share shows no difference on average."
    )
    differs: bool = Field(description="`q_value` is at most 5 %.")


_CELL = {
    "side": "records",
    "dimension": "source",
    "value": "chat",
    "measure": "disagreement",
    "question": "topic",
    "label": None,
    "hidden": False,
    "records": 240,
    "answers": 480,
    "share": {"value": 0.21, "low": 0.16, "high": 0.27},
    "others": 0.11,
    "difference": {"value": 0.1, "low": 0.05, "high": 0.15, "p_value": 0.0004},
    "q_value": 0.006,
    "differs": True,
}


class BiasAuditOut(BaseModel):
    """The newest audit. Cells that differ most clearly come first, hidden ones last."""

    model_config = example(
        schema_version=1,
        measured_at=MOMENT,
        answers=2400,
        labels=1100,
        comparisons=64,
        hidden=3,
        left_out=0,
        cells=[_CELL],
    )

    schema_version: int
    measured_at: AwareDatetime
    answers: int = Field(description="How many answers were read, the newest.")
    labels: int
    comparisons: int = Field(description="So many were tested together.")
    hidden: int
    left_out: int = Field(description="Cells that are not kept: those that differ least clearly.")
    cells: list[BiasCellOut]


@router.post(
    "/projects/{project_id}/bias/recount", status_code=202, responses=responses(404), summary="Audit a project for bias"
)
async def audit_bias(session: SessionDep, manager: Manager, project_id: UUID) -> JobAccepted:
    """A job compares each slice of the records and each group of annotators with all others: shares of classes, errors on
    gold and against decisions, disagreement. There is one at a time in a project: while it is at work, the same job is returned.
    """
    project = await project_or_404(session, project_id)
    return JobAccepted(job_id=await audits.request(session, project, manager.actor))


@router.get(
    "/projects/{project_id}/bias",
    response_model=BiasAuditOut,
    responses=responses(404),
    summary="Read the newest bias audit",
)
async def read_bias_audit(session: SessionDep, _reader: Reader, project_id: UUID) -> Response:
    """As it was computed last; 404 before the first. Nothing in it names an annotator."""
    await projects.check_exists(session, project_id)
    found = await bias.newest(session, project_id)
    if found is None:
        raise NotKnownHere("bias audit of project", project_id)
    return Response(_joined(found), media_type="application/json")


def _joined(found: bias.StoredAudit) -> str:
    """The stored JSON as it is, which has hundreds of cells, with what stands beside it."""
    head = f'{{"schema_version":{found.schema_version},"measured_at":"{found.measured_at.isoformat()}",'
    return head + found.content.lstrip().removeprefix("{")
