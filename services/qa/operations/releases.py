"""Releases: an immutable, versioned export of labels with a manifest that says what is in it and how good it is.

One statement fixes which labels a release holds; labels are append-only, so its files are then written page by page, in
constant memory, and a job that begins again writes the same. Erasure supersedes a release: its files are deleted and a
successor holds the same labels without the erased records.
"""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from services.qa.domain.project import Project
from services.qa.exceptions import ReleaseNameTaken, UnknownSchemaVersion
from services.qa.operations import agreement
from services.qa.storage import counters, gold, predictions, projects, releases, thresholds
from services.qa.storage.records import NOWHERE
from services.qa.storage.releases import Release
from shared.contracts.events import ReleasePublished
from shared.kit import jobs, outbox
from shared.kit.clock import new_id, utc_now
from shared.kit.database import Database, Session
from shared.kit.exceptions import JobFailed
from shared.kit.isolation import isolated
from shared.kit.jobs import Job
from shared.kit.objects import Objects

BUILD = "build_release"
"""The kind of job."""

FORMAT = "touchstone-release/1"
_LINES_PER_PAGE = 1000
_RELEASES_AT_ONCE = 100
_SUCCESSOR = "+erasure."
_SUCCESSOR_OF = "successor_of"
_WATCHED = timedelta(minutes=10)
"""A transaction that erases may have begun before a release was published; no transaction lives longer."""


def folder(release_id: UUID) -> str:
    return f"releases/{release_id}"


async def request(
    session: Session, project: Project, name: str, options: Mapping[str, Any], subject: str, now: datetime
) -> Release:
    """Ask for a release of the labels as they are when the job begins.

    Raises:
        UnknownSchemaVersion: the project has no such schema.
        ReleaseNameTaken: the name is given.
    """
    version = options.get("schema_version") or project.content.active_schema
    if version is None or project.schema(version) is None:
        raise UnknownSchemaVersion(version)
    return await _request(session, project.project_id, name, {**options, "schema_version": version}, subject, now)


async def _request(
    session: Session,
    project_id: UUID,
    name: str,
    options: Mapping[str, Any],
    subject: str,
    now: datetime,
    supersedes: UUID | None = None,
) -> Release:
    release_id = new_id()
    if not await releases.add(
        session,
        release_id=release_id,
        project_id=project_id,
        name=name,
        options=options,
        requested_by=subject,
        now=now,
        supersedes=supersedes,
    ):
        raise ReleaseNameTaken(f"The project has a release of the name {name}.")
    job_id = await jobs.enqueue(
        session, BUILD, project_id=project_id, arguments={"release_id": str(release_id)}, subject=subject
    )
    await releases.set_job(session, release_id, job_id)
    made = await releases.find(session, release_id)
    assert made is not None
    return made


async def build(database: Database, objects: Objects, job: Job, most_answers: int) -> dict[str, Any]:
    """Do the job: fix the labels, write the files and the manifest, publish."""
    release_id = UUID(job.arguments["release_id"])
    async with database.transaction() as session:
        release = await releases.lock(session, release_id)
        if release is None:
            raise JobFailed("The release is gone.")
        if release.status != "building":
            return {"release_id": str(release_id), "status": release.status}
        total = await _fix(session, release)
    await job.progress(0, total)
    writer = _Writer(database, objects, job, release_id, total)
    files = [await writer.write(split) for split in release.options["splits"]]
    manifest = await _manifest(database, release, files, writer.methods, writer.guidelines, most_answers)
    document = orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    await objects.put(f"{folder(release_id)}/manifest.json", document, "application/json")
    digest = hashlib.sha256(document).hexdigest()
    records = sum(one["records"] for one in files)
    async with database.transaction() as session:
        revision = await releases.publish(
            session, release_id, records=records, manifest=manifest, sha256=digest, now=utc_now()
        )
        if revision is not None:
            payload = ReleasePublished(
                release_id=release_id,
                name=release.name,
                records=records,
                manifest_sha256=digest,
                supersedes=release.supersedes,
            )
            await outbox.publish(session, payload, project_id=release.project_id, revision=revision)
    return {"release_id": str(release_id), "records": records, "manifest_sha256": digest}


async def _fix(session: Session, release: Release) -> int:
    options = release.options
    if _SUCCESSOR_OF in options:
        return await releases.copy_snapshot(session, UUID(options[_SUCCESSOR_OF]), release.release_id)
    return await releases.take_snapshot(
        session,
        release,
        schema_version=options["schema_version"],
        splits=options["splits"],
        methods=options["methods"],
        least_confidence=options["least_confidence"],
        with_under_review=options["with_under_review"],
    )


class _Writer:
    """Writes a release's files and counts what goes into them."""

    def __init__(self, database: Database, objects: Objects, job: Job, release_id: UUID, total: int) -> None:
        self._database = database
        self._objects = objects
        self._job = job
        self._release_id = release_id
        self._total = total
        self._done = 0
        self.methods: Counter[tuple[str, str]] = Counter()
        self.guidelines: Counter[str] = Counter()

    async def write(self, split: str) -> dict[str, Any]:
        """Write one split's lines; answers what the manifest says of the file."""
        name = f"{split}.jsonl"
        digest = hashlib.sha256()
        size = records = 0

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal size, records
            async for chunk, lines in self._pages(split):
                digest.update(chunk)
                size += len(chunk)
                records += lines
                yield chunk

        await self._objects.put_stream(f"{folder(self._release_id)}/{name}", chunks(), "application/x-ndjson")
        return {"name": name, "split": split, "records": records, "bytes": size, "sha256": digest.hexdigest()}

    async def _pages(self, split: str) -> AsyncIterator[tuple[bytes, int]]:
        after: UUID | None = None
        while True:
            async with self._database.transaction() as session:
                rows = await releases.lines(session, self._release_id, split, after, _LINES_PER_PAGE)
            if not rows:
                return
            after = rows[-1]["record_id"]
            kept = [row for row in rows if row["answers"] is not None and row["fields"] is not None]
            for row in kept:
                self.methods[split, row["method"]] += 1
                self.guidelines[str(row["guideline_version"])] += 1
            self._done += len(rows)
            await self._job.progress(self._done, self._total)
            if kept:
                yield b"".join(line(row) for row in kept), len(kept)


def line(row: Mapping[str, Any]) -> bytes:
    """One record with its label, as a line of JSON."""
    label = {
        "revision": row["label_revision"],
        "round": row["round"],
        "method": row["method"],
        "confidence": row["confidence"],
        "schema_version": row["schema_version"],
        "guideline_version": row["guideline_version"],
        "annotations": row["annotations"],
        "model_id": row["model_id"],
        "trainable": row["trainable"],
        "finalized_at": row["finalized_at"],
    }
    whole = {
        "record_id": row["record_id"],
        "split": row["split"],
        "origin": row["origin"],
        "slice": row["slice"],
        "fields": row["fields"],
        "answers": row["answers"],
        "label": label,
    }
    return orjson.dumps(whole, default=str, option=orjson.OPT_APPEND_NEWLINE)  # asyncpg's UUID is a subclass


async def _manifest(
    database: Database,
    release: Release,
    files: list[dict[str, Any]],
    methods: Mapping[tuple[str, str], int],
    guidelines: Mapping[str, int],
    most_answers: int,
) -> dict[str, Any]:
    async with database.transaction() as session:
        project = await projects.load(session, release.project_id)
        assert project is not None
        counted = await counters.read(session, release.project_id)
        gold_statistics = await gold.statistics(session, release.project_id)
        models = await predictions.models_of(session, release.project_id)
        set_thresholds = await thresholds.of_project(session, release.project_id, 20)
    version = release.options["schema_version"]
    schema = project.schema(version)
    assert schema is not None
    measured = await agreement.measure(database, project, version, None, most_answers)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "release_id": str(release.release_id),
        "name": release.name,
        "project_id": str(release.project_id),
        "project": project.content.name,
        "requested_at": release.requested_at.isoformat(),
        "built_at": utc_now().isoformat(),
        "supersedes": None if release.supersedes is None else str(release.supersedes),
        "options": dict(release.options),
        "files": files,
        "counts": {
            "by_split": {one["split"]: one["records"] for one in files},
            "by_split_and_method": {
                split: {method: count for (of, method), count in sorted(methods.items()) if of == split}
                for split in release.options["splits"]
            },
            "by_guideline_version": dict(sorted(guidelines.items())),
        },
        "left_out": {name: counted.get(f"records.{name}", 0) for name in ("gold", "open", "unlabelable", "erased")},
        "schema": {"version": version, "content": schema.model_dump(mode="json")},
        "guidelines": [
            {"version": one.version, "sha256": hashlib.sha256(one.markdown.encode()).hexdigest()}
            for one in project.content.guidelines
        ],
        "policy_version": project.content.active_policy,
        "agreement": [orjson.loads(orjson.dumps(asdict(one), default=str)) for one in measured],
        "gold": gold_statistics,
        "models": [{"model_id": str(one.model_id), "version": one.version, "stage": one.stage} for one in models],
        "thresholds": [
            {
                "model_id": str(one.model_id),
                "threshold": one.threshold,
                "error_budget": one.error_budget,
                "confidence_level": one.confidence_level,
                "evidence": one.evidence,
                "reason": one.reason,
            }
            for one in set_thresholds
        ],
        "promises": {
            "gold_in_training_split": 0,
            "held_out_labels_by": "people alone",
            "held_out_check": "where the champion and people differed on a held-out record an expert relabelled it"
            " blind, once; this favours the model slightly",
        },
    }
    return manifest


async def end_failed(database: Database) -> int:
    """Say of releases whose job has failed for good that they have; answers how many."""
    ended = 0
    after = NOWHERE
    while True:
        async with database.transaction() as session:
            page = await releases.being_built(session, after, _RELEASES_AT_ONCE)
            reasons = await jobs.failed(session, [job_id for _, job_id in page])
            for release_id, job_id in page:
                if job_id in reasons:
                    await releases.fail(session, release_id, reasons[job_id])
        ended += len(reasons)
        if len(page) < _RELEASES_AT_ONCE:
            return ended
        after = page[-1][0]


async def supersede(database: Database, objects: Objects, now: datetime) -> int:
    """Delete the files of releases that erasure touched and ask for their successors; answers how many."""
    async with database.transaction() as session:
        await releases.supersede_recent(session, now - _WATCHED)
        waiting = await releases.without_successor(session, _RELEASES_AT_ONCE)
    with isolated("supersede") as item:
        for old in waiting:
            with item(release_id=old.release_id):
                await _replace(database, objects, old, now)
    return len(waiting)


async def _replace(database: Database, objects: Objects, old: Release, now: datetime) -> None:
    for name in [*(f"{split}.jsonl" for split in old.options["splits"]), "manifest.json"]:
        await objects.delete(f"{folder(old.release_id)}/{name}")
    root, _, number = old.name.partition(_SUCCESSOR)
    name = f"{root}{_SUCCESSOR}{int(number or 0) + 1}"
    options = {**old.options, _SUCCESSOR_OF: str(old.release_id)}
    async with database.transaction() as session:
        made = await _request(session, old.project_id, name, options, old.requested_by, now, supersedes=old.release_id)
        await releases.set_successor(session, old.release_id, made.release_id)
