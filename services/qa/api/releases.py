"""Releases: asked for, listed, read, downloaded."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from fastapi import Request, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from services.qa.api.edges import project_or_404
from services.qa.api.shapes import ACTOR, MOMENT, OTHER_ID, Version, example
from services.qa.operations import release_files, releases
from services.qa.resources import QaRuntime, QaRuntimeDep
from services.qa.storage import projects
from services.qa.storage import releases as stored
from services.qa.storage.releases import Release
from shared.contracts.answers import OffsetUnit
from shared.contracts.personal_data import mask
from shared.contracts.values import BrokenRule, Frozen, LabelMethod, Role, Split
from shared.kit.actors import ACTOR_DESCRIPTION
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.clock import utc_now
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import NotKnownHere
from shared.kit.idempotency import IdempotentDep, replay_or_run
from shared.kit.jobs import CANCELLED
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, page_of
from shared.kit.problems import responses

router = edge_router("releases")

Manager = Annotated[Principal, requires(Role.MANAGER)]
Reader = Annotated[Principal, requires(Role.MANAGER, Role.AUDITOR, Role.TRAINER, content=True)]
_SEES_GOLD = (Role.MANAGER, Role.AUDITOR)

_EXAMPLE: dict[str, Any] = {
    "release_id": OTHER_ID,
    "project_id": OTHER_ID,
    "name": "2026-11",
    "status": "published",
    "status_reason": None,
    "job_id": OTHER_ID,
    "requested_by": ACTOR,
    "requested_at": MOMENT,
    "published_at": MOMENT,
    "records": 180,
    "manifest_sha256": "00" * 32,
    "supersedes": None,
    "superseded_by": None,
    "options": {"schema_version": 1, "splits": ["train", "validation", "test"]},
}


def _without_personal_data(name: str) -> str:
    if mask(name) != name:
        raise BrokenRule("a release's name is published and must not look like personal data")
    return name


_Named = TypeVar("_Named", Split, LabelMethod)


def _named_once(values: list[_Named]) -> list[_Named]:
    repeated = next((value for value, times in Counter(values).items() if times > 1), None)
    if repeated is not None:
        raise BrokenRule(f"{repeated.value} is named more than once")
    return values


class NewRelease(Frozen):
    """What the release holds: the labels that stand, of one schema version."""

    model_config = example(name="2026-11", splits=["train", "test"], least_confidence=0.9)

    name: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$"), AfterValidator(_without_personal_data)
    ] = Field(description="Unique in the project but for releases that failed; it is published.")
    schema_version: Version | None = Field(default=None, description="The active one by default.")
    splits: Annotated[list[Split], AfterValidator(_named_once)] = Field(
        default=list(Split), min_length=1, max_length=3, description="Each at most once."
    )
    methods: Annotated[list[LabelMethod], AfterValidator(_named_once)] = Field(
        default=list(LabelMethod), min_length=1, max_length=3, description="Each at most once."
    )
    least_confidence: float = Field(default=0.0, ge=0.0, le=1.0)
    offset_unit: OffsetUnit = Field(
        default=OffsetUnit.CODE_POINTS, description="What offsets in texts count in its files."
    )
    with_under_review: bool = Field(default=True, description="With labels that are being questioned.")
    include_gold: bool = Field(
        default=False,
        description="With `gold.jsonl`: gold records and their answers, apart from the labels. Managers and auditors get it.",
    )


class FileOut(BaseModel):
    name: str
    url: str = Field(description="Good for a while, without a token.")


class ReleaseSummary(BaseModel):
    model_config = example(**_EXAMPLE)

    release_id: UUID
    project_id: UUID
    name: str
    status: Literal["building", "published", "failed", "superseded"]
    status_reason: str | None
    cancelled: bool = Field(default=False, description="Its job was cancelled; its status is `failed` then.")
    job_id: UUID | None
    requested_by: str = Field(description=ACTOR_DESCRIPTION)
    requested_at: AwareDatetime
    published_at: AwareDatetime | None
    records: int | None
    manifest_sha256: str | None
    supersedes: UUID | None
    superseded_by: UUID | None
    options: dict[str, Any]


class ReleaseOut(ReleaseSummary):
    """With its manifest, and its files while it is published."""

    model_config = example(
        **_EXAMPLE,
        manifest={"format": "touchstone-release/1", "counts": {"by_split": {"train": 140, "test": 40}}},
        files=[{"name": "train.jsonl", "url": "/v1/objects/releases/…/train.jsonl?…"}],
    )

    manifest: dict[str, Any] | None
    files: list[FileOut]


@router.post(
    "/projects/{project_id}/releases",
    status_code=202,
    response_model=ReleaseSummary,
    responses=responses(404, 409, 413, 422),
    summary="Make a release",
)
async def make_release(
    session: SessionDep,
    manager: Manager,
    project_id: UUID,
    body: NewRelease,
    request: Request,
    _key: IdempotentDep = None,
) -> Response:
    """A job writes the labels as they are when it begins, one JSONL file for each split, and a manifest.

    Beside each split lies its lineage: `touchstone verify-lineage` checks the release by itself. Gold is in no file but
    `gold.jsonl`, where that is asked for, and a record that was ever gold is in no training split. The manifest counts under `left_out` why
    records are not in it; a release without a single label fails with these counts. An archived project can be released,
    too. One release of a project is made at a time, the others wait. `GET /v1/jobs/{job_id}` shows progress, and a cancelled
    job closes its release.
    """
    project = await project_or_404(session, project_id)
    options = body.model_dump(mode="json", exclude={"name"})
    options["splits"] = [split.value for split in Split if split in body.splits]
    options["methods"] = [method.value for method in LabelMethod if method in body.methods]

    async def run() -> ReleaseSummary:
        made = await releases.request(session, project, body.name, options, manager.actor, utc_now())
        return ReleaseSummary(**_values(made))

    return await replay_or_run(session, request, manager, run, 202)


@router.get("/projects/{project_id}/releases", responses=responses(404), summary="List releases")
async def list_releases(
    session: SessionDep, _reader: Reader, project_id: UUID, after: After = None, limit: Limit = DEFAULT_LIMIT
) -> Page[ReleaseSummary]:
    """Oldest first."""
    await projects.check_exists(session, project_id)
    last = None if after is None else decode_cursor(after, UUID)[0]
    found = await stored.page(session, project_id, last, limit + 1)
    return page_of([ReleaseSummary(**_values(one)) for one in found], limit, "release_id")


@router.get("/releases/{release_id}", responses=responses(404), summary="Read a release")
async def read_release(runtime: QaRuntimeDep, session: SessionDep, reader: Reader, release_id: UUID) -> ReleaseOut:
    """Its manifest, and the URLs of its files. A superseded release has no files any more: see `superseded_by`."""
    release = await stored.find(session, release_id)
    if release is None:
        raise NotKnownHere("release", release_id)
    reader.check_project(release.project_id)
    await runtime.check_content(reader, release.project_id, session)
    files = await _files(runtime, release, reader) if release.status == "published" else []
    manifest = None if release.manifest is None else dict(release.manifest)
    return ReleaseOut(**_values(release), manifest=manifest, files=files)


async def _files(runtime: QaRuntime, release: Release, reader: Principal) -> list[FileOut]:
    ttl_s = runtime.resources.download_ttl_s
    files = []
    for name in _names(release.manifest or {}, with_gold=reader.has(*_SEES_GOLD)):
        key = f"{release_files.folder(release.release_id)}/{name}"
        media_type = release_files.JSON_LINES if name.endswith(".jsonl") else release_files.JSON
        url = await runtime.objects.signed_url(key, ttl_s, media_type=media_type)
        files.append(FileOut(name=name, url=url))
    return files


def _names(manifest: Mapping[str, Any], *, with_gold: bool) -> list[str]:
    """Return the names of a release's files; one from before releases held lineage has none of that."""
    names = [one["name"] for one in manifest["files"]]
    lineage, gold = manifest.get("lineage"), manifest["gold"].get("released")
    if lineage is not None:
        names += [*(one["name"] for one in lineage["files"]), lineage["seals"]["name"], release_files.SIGNATURE]
    if gold is not None and with_gold:
        names.append(gold["name"])
    return [*names, release_files.MANIFEST]


def _values(release: Release) -> dict[str, Any]:
    return {
        "release_id": release.release_id,
        "project_id": release.project_id,
        "name": release.name,
        "status": release.status,
        "status_reason": release.status_reason,
        "cancelled": release.status == "failed" and release.status_reason == CANCELLED,
        "job_id": release.job_id,
        "requested_by": release.requested_by,
        "requested_at": release.requested_at,
        "published_at": release.published_at,
        "records": release.records,
        "manifest_sha256": release.manifest_sha256,
        "supersedes": release.supersedes,
        "superseded_by": release.superseded_by,
        "options": dict(release.options),
    }
