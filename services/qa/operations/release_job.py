"""The job that makes a release: write the files, describe them, publish."""

import hashlib
from typing import Any, Final
from uuid import UUID

import orjson

from services.qa.domain.releases import ReleaseProgress
from services.qa.domain.seals import release_signed_bytes
from services.qa.exceptions import LabelWithoutLink, SealNotGenuine
from services.qa.operations import manifest
from services.qa.operations.release_files import JSON, MANIFEST, SIGNATURE, folder
from services.qa.operations.release_gold import write_gold
from services.qa.operations.release_lineage import write_seals
from services.qa.operations.release_writer import ReleaseWriter
from services.qa.operations.releases import INCLUDE_GOLD, SUCCESSOR_OF
from services.qa.storage import counters, releases
from services.qa.storage.releases import Release
from shared.contracts.events import ReleasePublished
from shared.kit import outbox
from shared.kit.clock import utc_now
from shared.kit.database import Database
from shared.kit.exceptions import JobFailed
from shared.kit.jobs import Job
from shared.kit.objects import Objects
from shared.kit.signatures import ALGORITHM, KeyRing

_SIGNATURE_FORMAT: Final = "touchstone-signature/1"


async def build(database: Database, objects: Objects, keys: KeyRing, job: Job) -> dict[str, Any]:
    """Make a release, or go on with one that an earlier attempt began. One that can't be made is closed at once.

    Raises:
        JobFailed: the release is gone, no label is in it, or the lineage of one does not verify. A successor may be empty:
            what it held was erased.
    """
    try:
        return await _make(database, objects, keys, job)
    except JobFailed as failure:
        await _close(database, objects, UUID(job.arguments["release_id"]), str(failure))
        raise


async def _close(database: Database, objects: Objects, release_id: UUID, reason: str) -> None:
    """Nobody is to wait for it any more. Where this is interrupted, the loop `supersede_releases` does it."""
    await objects.delete_folder(folder(release_id))
    async with database.transaction() as session:
        await releases.fail(session, {release_id: reason})


async def _make(database: Database, objects: Objects, keys: KeyRing, job: Job) -> dict[str, Any]:
    release_id = UUID(job.arguments["release_id"])
    async with database.transaction() as session:
        release = await releases.find(session, release_id)
        if release is None:
            raise JobFailed("The release is gone.")
        if release.status != "building":
            return _result(release_id, release.records, release.manifest_sha256)
        counted = await counters.read(session, release.project_id)
        total = sum(counted.get(f"labels.{method}", 0) for method in release.options["methods"])
        if job.checkpoint is None:
            await job.commit_progress(session, 0, total, checkpoint=ReleaseProgress(as_of=utc_now()).checkpoint())
    progress = ReleaseProgress.restored(job.checkpoint)
    where = folder(release_id)
    try:
        await ReleaseWriter(database, objects, keys, job, release, progress, total).write()
    except (LabelWithoutLink, SealNotGenuine) as error:
        raise JobFailed(str(error)) from error
    asked_for_gold = release.options.get(INCLUDE_GOLD, False)
    gold = await write_gold(database, objects, where, release, progress.as_of) if asked_for_gold else None
    seals = await write_seals(database, objects, where, release.project_id)
    content = await manifest.of_release(database, keys, release, progress, seals, gold)
    if progress.done == 0 and not (gold and gold.records) and SUCCESSOR_OF not in release.options:
        raise JobFailed(_nothing_in_it(content))
    return await _publish(database, objects, keys, release, progress, content)


def _nothing_in_it(content: dict[str, Any]) -> str:
    version = content["schema"]["version"]
    reasons = [f"{name} {count}" for name, count in content["left_out"].items() if count]
    return f"No label of schema version {version} is in it. Left out: {', '.join(reasons) or 'nothing, for there is none'}."


async def _publish(
    database: Database,
    objects: Objects,
    keys: KeyRing,
    release: Release,
    progress: ReleaseProgress,
    content: dict[str, Any],
) -> dict[str, Any]:
    document = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(document).hexdigest()
    where = folder(release.release_id)
    await objects.put(f"{where}/{SIGNATURE}", _signature(keys, digest), JSON)
    await objects.put(f"{where}/{MANIFEST}", document, JSON)
    async with database.transaction() as session:
        revision = await releases.publish(
            session, release.release_id, records=progress.done, manifest=content, sha256=digest, now=utc_now()
        )
        if revision is not None:
            payload = ReleasePublished(
                release_id=release.release_id,
                name=release.name,
                records=progress.done,
                manifest_sha256=digest,
                supersedes=release.supersedes,
            )
            await outbox.publish(session, payload, project_id=release.project_id, revision=revision)
    return _result(release.release_id, progress.done, digest)


def _result(release_id: UUID, records: int | None, manifest_sha256: str | None) -> dict[str, Any]:
    """Return the job's result; both are None for a release that was closed without being published."""
    return {"release_id": str(release_id), "records": records, "manifest_sha256": manifest_sha256}


def _signature(keys: KeyRing, manifest_sha256: str) -> bytes:
    """Return the file that shows who made the release."""
    signed = {
        "format": _SIGNATURE_FORMAT,
        "manifest_sha256": manifest_sha256,
        "algorithm": ALGORITHM,
        "key_id": keys.signing.public.key_id,
        "signature": keys.signing.sign(release_signed_bytes(bytes.fromhex(manifest_sha256))).hex(),
    }
    return orjson.dumps(signed, option=orjson.OPT_INDENT_2)
