"""Labels that look wrong to models that did not learn from them."""

import math
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, Field

from services.qa.api.shapes import MOMENT, OTHER_ID, RECORD_ID, example
from services.qa.storage import label_doubts, projects
from shared.contracts.values import LabelMethod, Probability, Role
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.endpoints import edge_router
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, encode_cursor
from shared.kit.problems import responses

router = edge_router("label errors")

Reader = Annotated[Principal, requires(Role.MANAGER, Role.AUDITOR, Role.TRAINER)]
ContentReader = Annotated[Principal, requires(Role.MANAGER, Role.AUDITOR, Role.TRAINER, content=True)]

_BEFORE_ALL: Final = (math.inf, UUID(int=2**128 - 1))


class LabelErrorOut(BaseModel):
    """A label that looks wrong, and what came of it."""

    model_config = example(
        record_id=RECORD_ID,
        question="topic",
        schema_version=1,
        training_run_id=OTHER_ID,
        label_revision=1,
        given="delivery",
        suggested="billing",
        given_probability=0.02,
        suggested_probability=0.96,
        score=0.81,
        model_score=0.81,
        rank=3,
        reason="sure_of_another",
        method="consensus",
        outcome="in_review",
        current_label="delivery",
        requested_at=MOMENT,
    )

    record_id: UUID
    question: str
    schema_version: int
    training_run_id: UUID = Field(description="The training that the look followed.")
    label_revision: int = Field(description="The revision of the label that is doubted.")
    given: str = Field(description="The label's class.")
    suggested: str = Field(description="The class that is likeliest instead.")
    given_probability: Probability = Field(description="By models that did not learn from the record.")
    suggested_probability: Probability
    score: Probability = Field(
        description="The estimated probability that the class is wrong; the list is in its order."
    )
    model_score: Probability = Field(description="The same by the models alone.")
    rank: int = Field(description="Among all labels that were examined, by the models alone.")
    reason: str = Field(
        description="`sure_of_another`: another class is as likely as it is on average where it was given. `unlikely`: the"
        " given class is unlikely, and no other one is certain. There may be more of them one day."
    )
    method: LabelMethod | None = Field(description="How the label that stands now was made.")
    outcome: Literal["doubted", "in_review", "confirmed", "corrected", "gone"] = Field(
        description="`in_review`: people were asked, and the label stands meanwhile. `confirmed`, `corrected`: a later revision gives"
        " the same class, or another one. `gone`: no label stands any more."
    )
    current_label: str | None = Field(description="The class that the label gives which stands now.")
    requested_at: AwareDatetime | None = Field(description="When people were asked to label the record again.")


class LabelLookOut(BaseModel):
    """The newest look for wrong labels of one question."""

    model_config = example(
        question="topic",
        schema_version=1,
        training_run_id=OTHER_ID,
        examined=1200,
        estimated_wrong=0.04,
        found_at=MOMENT,
    )

    question: str
    schema_version: int
    training_run_id: UUID
    examined: int = Field(description="How many labels were judged.")
    estimated_wrong: Probability = Field(
        description="The share of them that is estimated to be wrong. It is a model's estimate, with no interval: see docs/science.md."
    )
    found_at: AwareDatetime


class LabelLooks(BaseModel):
    items: list[LabelLookOut]


@router.get("/projects/{project_id}/label-errors", responses=responses(404), summary="List labels that look wrong")
async def list_label_errors(
    session: SessionDep,
    _reader: ContentReader,
    project_id: UUID,
    requested: Annotated[
        bool, Query(description="Those that people were asked to label again, in place of those that they were not.")
    ] = False,
    after: After = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[LabelErrorOut]:
    """The likeliest wrong first, as the newest look found them; after each training there is one. What people were asked about
    stays in the list with what came of it.
    """
    await projects.check_exists(session, project_id)
    last = _BEFORE_ALL if after is None else decode_cursor(after, float, UUID)
    rows = await label_doubts.page(session, project_id, requested=requested, after=(last[0], last[1]), limit=limit + 1)
    items = [_shown(row) for row in rows[:limit]]
    cursor = encode_cursor(items[-1].score, items[-1].record_id) if len(rows) > limit else None
    return Page(items=items, next=cursor)


@router.get(
    "/projects/{project_id}/label-errors/looks",
    responses=responses(404),
    summary="Read the newest looks for wrong labels",
)
async def read_label_looks(session: SessionDep, _reader: Reader, project_id: UUID) -> LabelLooks:
    """By question that models learn, how many labels were examined, and how many of them are estimated to be wrong."""
    await projects.check_exists(session, project_id)
    return LabelLooks(items=[LabelLookOut(**row) for row in await label_doubts.looks(session, project_id)])


def _shown(row: dict[str, object]) -> LabelErrorOut:
    values = dict(row)
    revision, under_review = values.pop("current_revision"), values.pop("under_review")
    return LabelErrorOut.model_validate({**values, "outcome": _outcome(row, revision, under_review=bool(under_review))})


def _outcome(row: dict[str, object], revision: object, *, under_review: bool) -> str:
    if revision is None:
        return "gone"
    if revision != row["label_revision"]:
        return "confirmed" if row["current_label"] == row["given"] else "corrected"
    return "in_review" if row["requested_at"] is not None and under_review else "doubted"
