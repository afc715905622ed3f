"""How good people, models and labels are."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from services.qa.api.agreement_shapes import AgreementOut, AgreementReport
from services.qa.api.edges import open_project, page_of_rows, project_or_404
from services.qa.api.measures import (
    AssessedOut,
    AssessmentOut,
    AssessmentsOut,
    ClassThresholdOut,
    ConsensusMethodOut,
    ConsensusMethods,
    DriftOut,
    NoThresholdOut,
    Reinstatement,
    SealKeyOut,
    SealKeysOut,
    SealOut,
    SpeedOut,
    TestOut,
    ThresholdOut,
    ThresholdsOut,
)
from services.qa.api.shapes import Version
from services.qa.operations import agreement, agreement_recount, consensus_methods, reinstatement, sealing
from services.qa.operations.threshold_views import shown_thresholds
from services.qa.resources import QaRuntimeDep
from services.qa.storage import annotators, chain, lists, projects, thresholds
from shared.contracts.personal_data import mask
from shared.contracts.values import AssessmentStatus, Role
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.clock import utc_now
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import NotKnownHere
from shared.kit.jobs import JobAccepted
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, encode_cursor
from shared.kit.problems import responses

router = edge_router("quality")

Reader = Annotated[Principal, requires(Role.MANAGER, Role.AUDITOR)]
ReleaseReader = Annotated[Principal, requires(Role.MANAGER, Role.AUDITOR, Role.TRAINER)]
ModelReader = Annotated[Principal, requires(Role.MANAGER, Role.AUDITOR, Role.TRAINER)]
Manager = Annotated[Principal, requires(Role.MANAGER)]

_NEWEST = 100
_SPEED_OF_NEWEST = 1_000
_NO_WORK = {"sessions": 0, "active_s": None, "median_active_s": None}
QuestionName = Annotated[str | None, Query(max_length=200, description="Only this question.")]


@router.get("/projects/{project_id}/agreement", responses=responses(404), summary="Read agreement")
async def read_agreement(
    session: SessionDep,
    _reader: Reader,
    project_id: UUID,
    schema_version: Annotated[Version | None, Query(description="The active one by default.")] = None,
    question: QuestionName = None,
) -> AgreementReport:
    """Percent agreement, Fleiss' kappa, Krippendorff's alpha and pairwise Cohen's kappas, with bootstrap intervals.

    Over the answers that were asked for before anything was known about their records, as they were counted last. Further
    ones are asked for where the first differ, and a model chooses the records that it is unsure of: these are left out, and
    an arbiter's, for the arbiter saw the others'.
    """
    project = await project_or_404(session, project_id)
    found = await agreement.of_project(session, project, schema_version, question)
    return AgreementReport(
        items=[
            AgreementOut(
                question=one.question,
                kind=one.kind,
                schema_version=one.schema_version,
                measured_at=one.measured_at,
                current=one.current,
                **one.content,
            )
            for one in found
        ]
    )


@router.get("/projects/{project_id}/consensus-methods", responses=responses(404), summary="Read how votes are weighed")
async def read_consensus_methods(
    session: SessionDep,
    _reader: Reader,
    project_id: UUID,
    schema_version: Annotated[Version | None, Query(description="The active one by default.")] = None,
) -> ConsensusMethods:
    """By question that chooses one class, the method that the last estimation chose for it, on what evidence, and by
    what margin. Labels made before stay as they are; each says in its lineage by which method it was made.
    """
    project = await project_or_404(session, project_id)
    found = await consensus_methods.of_project(session, project, schema_version)
    return ConsensusMethods(items=[ConsensusMethodOut.of(one) for one in found])


@router.post(
    "/projects/{project_id}/agreement/recount",
    status_code=202,
    responses=responses(404),
    summary="Count agreement anew",
)
async def recount_agreement(session: SessionDep, manager: Manager, project_id: UUID) -> JobAccepted:
    """A job counts every answer again, beside the counts in use; the result is the same unless something was wrong.

    There is one at a time in a project: while it is at work, the same job is returned.
    """
    await projects.check_exists(session, project_id)
    return JobAccepted(job_id=await agreement_recount.request(session, project_id, manager.actor))


@router.get("/projects/{project_id}/assessments", responses=responses(404), summary="List assessments of annotators")
async def list_assessments(
    session: SessionDep,
    _reader: Reader,
    project_id: UUID,
    status: AssessmentStatus | None = None,
    after: After = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[AssessmentOut]:
    await projects.check_exists(session, project_id)
    last = None if after is None else decode_cursor(after, UUID)[0]
    rows = await lists.assessments(session, project_id, status=status, after=last, limit=limit + 1)
    return page_of_rows(rows, limit, AssessmentOut, "annotator_id")


@router.get(
    "/annotators/{annotator_id}/assessment", responses=responses(404), summary="Read an annotator's assessments"
)
async def read_assessment(
    session: SessionDep, reader: Reader, annotator_id: UUID, after: After = None, limit: Limit = DEFAULT_LIMIT
) -> AssessmentsOut:
    """In the projects that the token may see, page by page, with the newest that was published of them. There is none
    before the first answers in a project. The speed is that of the newest 1,000 tasks submitted in the project.
    """
    last = None if after is None else decode_cursor(after, UUID)[0]
    found = await lists.assessments_of(session, annotator_id, within=reader.projects, after=last, limit=limit + 1)
    if not found and last is None and not await annotators.is_known(session, annotator_id):
        raise NotKnownHere("annotator", annotator_id)
    shown = found[:limit]
    projects = [one["project_id"] for one in shown]
    history = await annotators.logged(session, projects, annotator_id, _NEWEST)
    speeds = await annotators.speeds(session, projects, annotator_id, _SPEED_OF_NEWEST)
    return AssessmentsOut(
        annotator_id=annotator_id,
        assessments=[
            AssessedOut(
                **one,
                history=history.get(one["project_id"], []),
                speed=SpeedOut(**speeds.get(one["project_id"], _NO_WORK)),
            )
            for one in shown
        ],
        next=encode_cursor(shown[-1]["project_id"]) if len(found) > limit else None,
    )


@router.post(
    "/projects/{project_id}/annotators/{annotator_id}/reinstatement",
    responses=responses(404, 409, 413, 422),
    summary="Let a paused annotator work again",
)
async def reinstate_annotator(
    session: SessionDep, manager: Manager, project_id: UUID, annotator_id: UUID, body: Reinstatement
) -> AssessmentOut:
    """A person decided so. From now on the answers count as a new annotator's, so the old ones can't pause again."""
    await open_project(session, project_id)
    stored = await reinstatement.reinstate(
        session, project_id, annotator_id, reason=mask(body.reason), actor=manager.actor, now=utc_now()
    )
    return AssessmentOut.model_validate(stored)


@router.get("/projects/{project_id}/thresholds", responses=responses(404), summary="Read auto-accept thresholds")
async def read_thresholds(session: SessionDep, _reader: ModelReader, project_id: UUID) -> ThresholdsOut:
    """The newest thresholds and the tests behind them: every look at the evidence is listed, passed or not.

    Under `classes` stands what holds now for each class of each question of the active schema: the threshold with its
    evidence, or why there is none. Answers of a class without one go to people.
    """
    project = await project_or_404(session, project_id)
    shown = await shown_thresholds(session, project)
    made = await thresholds.of_project(session, project_id, _NEWEST)
    tests = await thresholds.tests_of_project(session, project_id, _NEWEST)
    return ThresholdsOut(
        thresholds=[ThresholdOut.model_validate(one) for one in made],
        tests=[TestOut(**one) for one in tests],
        classes=[ClassThresholdOut.of(one) for one in shown],
        without=NoThresholdOut.of(shown),
    )


@router.get("/projects/{project_id}/drifts", responses=responses(404), summary="List drift alarms")
async def list_drifts(
    session: SessionDep, _reader: Reader, project_id: UUID, after: After = None, limit: Limit = DEFAULT_LIMIT
) -> Page[DriftOut]:
    """Oldest first."""
    await projects.check_exists(session, project_id)
    last = None if after is None else decode_cursor(after, UUID)[0]
    rows = await annotators.drifts(session, project_id, last, limit + 1)
    return page_of_rows(rows, limit, DriftOut, "drift_id")


@router.get("/projects/{project_id}/seals", responses=responses(404), summary="List the seals of the chains")
async def list_seals(
    session: SessionDep, _reader: Reader, project_id: UUID, after: After = None, limit: Limit = DEFAULT_LIMIT
) -> Page[SealOut]:
    """Keep a seal elsewhere, and nobody can change what is under it unnoticed. Each is published as `ChainSealed`, too."""
    await projects.check_exists(session, project_id)
    last: int = 0 if after is None else decode_cursor(after, int)[0]
    rows = [sealing.chain_sealed(one).model_dump() for one in await chain.seals(session, project_id, last, limit + 1)]
    return page_of_rows(rows, limit, SealOut, "number")


@router.get("/seal-keys", summary="List the public keys of seals and releases")
async def list_seal_keys(runtime: QaRuntimeDep, _reader: ReleaseReader) -> SealKeysOut:
    """Keep them, and `touchstone verify-lineage --public-key` takes nothing that another key signed."""
    keys = runtime.resources.seal_keys
    return SealKeysOut(
        keys=[
            SealKeyOut(
                key_id=one.key_id,
                algorithm="Ed25519",
                public_key=one.hex,
                signs=one.key_id == keys.signing.public.key_id,
            )
            for one in keys.known.values()
        ]
    )
