"""Keep records, note what became of them, erase them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.ingest.domain.intake import IntakeProject, RecordCandidate, content_hash
from services.ingest.exceptions import NotAccepted
from services.ingest.storage import assets as asset_storage
from services.ingest.storage import records as storage
from services.ingest.storage.assets import Asset
from services.ingest.storage.records import Held, StateChange, StoredRecord
from shared.contracts.events import RecordErased
from shared.contracts.personal_data import mask
from shared.contracts.values import RecordState
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere
from shared.kit.outbox import Outgoing, publish, publish_many

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Kept:
    """The record that holds what was sent: a new one, or the one that had it already."""

    record_id: UUID
    duplicate: bool


Verdict = Kept | NotAccepted


def erased() -> NotAccepted:
    return NotAccepted("/external_id", "record-erased", "the record was erased and does not come back")


async def keep(
    session: Session, project: IntakeProject, candidates: Sequence[RecordCandidate], files: dict[UUID, list[Asset]]
) -> dict[UUID, Verdict]:
    """Keep what is new and publish it; return a verdict per candidate, by the id drawn for it.

    `files` are the stored files of a candidate. Two candidates, or a candidate and a record, with the same external
    id or the same original content are one record; the constraints decide, whoever else is writing.
    """
    project_id = project.project_id
    verdicts = await _use_assets(session, project, candidates)
    waiting = [item for item in candidates if item.record_id not in verdicts] if verdicts else candidates
    waiting, twins = _without_twins(waiting)
    named = [item.external_hash for item in waiting if item.external_hash is not None]
    aliases = await storage.find_aliases(session, project_id, named) if named else {}
    if aliases:
        for item in waiting:
            if item.external_hash in aliases:
                verdicts[item.record_id] = _duplicate_of(aliases[item.external_hash])
    if verdicts:
        waiting = [item for item in waiting if item.record_id not in verdicts]
    new: list[RecordCandidate] = []
    for _ in range(_TRIES):
        if not waiting:
            break
        inserted = await storage.insert(session, project_id, waiting)
        if len(inserted) == len(waiting):
            new, waiting = [*new, *waiting], []
            break
        new += [item for item in waiting if item.record_id in inserted]
        waiting = [item for item in waiting if item.record_id not in inserted]
        waiting = await _settle_duplicates(session, project_id, waiting, verdicts)
    if waiting:
        raise RuntimeError("a record was there and was gone, again and again")
    verdicts.update({item.record_id: Kept(item.record_id, duplicate=False) for item in new})
    await _attach(session, project_id, new, files)
    await publish_many(
        session, [Outgoing(payload=item.payload(), project_id=project_id, record_id=item.record_id) for item in new]
    )
    for item, first in twins:
        verdicts[item.record_id] = _as_twin(verdicts[first.record_id])
    await _name_twins(session, project_id, twins, verdicts)
    return verdicts


async def _use_assets(
    session: Session, project: IntakeProject, candidates: Iterable[RecordCandidate]
) -> dict[UUID, Verdict]:
    """Put references to uploaded assets into the fields; refuses candidates whose asset isn't there."""
    users = [item for item in candidates if item.assets]
    if not users:
        return {}
    wanted = {asset_id for item in users for asset_id in item.assets.values()}
    held = await asset_storage.hold(session, project.project_id, wanted)
    refused: dict[UUID, Verdict] = {}
    for item in users:
        for name, asset_id in item.assets.items():
            if asset_id not in held:
                refused[item.record_id] = NotAccepted(
                    f"/fields/{name}/asset_id", "asset-unknown", "the project has no such asset"
                )
                break
            item.fields[name] = held[asset_id].reference()
            item.hashed[name] = held[asset_id].original_hash.hex()
        else:
            item.content_hash = content_hash(project, item.hashed)
    return refused


def _without_twins(
    candidates: Sequence[RecordCandidate],
) -> tuple[list[RecordCandidate], list[tuple[RecordCandidate, RecordCandidate]]]:
    """The first of each external id and content; and the rest, each with the first it equals."""
    firsts: list[RecordCandidate] = []
    twins: list[tuple[RecordCandidate, RecordCandidate]] = []
    seen: dict[bytes, RecordCandidate] = {}
    for item in candidates:
        first = seen.get(item.content_hash)
        if item.external_hash is not None:
            first = seen.get(item.external_hash, first)
        if first is not None:
            twins.append((item, first))
            continue
        firsts.append(item)
        seen[item.content_hash] = item
        if item.external_hash is not None:
            seen[item.external_hash] = item
    return firsts, twins


async def _settle_duplicates(
    session: Session, project_id: UUID, waiting: list[RecordCandidate], verdicts: dict[UUID, Verdict]
) -> list[RecordCandidate]:
    """Find the records that stood in the way; return the candidates for which there is none any more."""
    if not waiting:
        return []
    held = await storage.find_held(session, project_id, waiting)
    aliases: dict[bytes, UUID] = {}
    left: list[RecordCandidate] = []
    for item in waiting:
        found = held.of(item)
        if found is None:
            left.append(item)
            continue
        verdicts[item.record_id] = _duplicate_of(found)
        if item.external_hash is not None and item.external_hash not in held.by_external:
            aliases[item.external_hash] = found.record_id
    await storage.add_aliases(session, project_id, aliases)
    return left


def _duplicate_of(held: Held) -> Verdict:
    return erased() if held.erased else Kept(held.record_id, duplicate=True)


def _as_twin(verdict: Verdict) -> Verdict:
    return Kept(verdict.record_id, duplicate=True) if isinstance(verdict, Kept) else verdict


async def _name_twins(
    session: Session,
    project_id: UUID,
    twins: Sequence[tuple[RecordCandidate, RecordCandidate]],
    verdicts: dict[UUID, Verdict],
) -> None:
    """Let the external ids of twins lead to the record of the first."""
    aliases: dict[bytes, UUID] = {}
    for item, first in twins:
        verdict = verdicts[item.record_id]
        if item.external_hash not in {None, first.external_hash} and isinstance(verdict, Kept):
            aliases[item.external_hash or b""] = verdict.record_id
    await storage.add_aliases(session, project_id, aliases)


async def _attach(
    session: Session, project_id: UUID, new: Iterable[RecordCandidate], files: dict[UUID, list[Asset]]
) -> None:
    pairs: list[tuple[UUID, UUID]] = []
    added: list[Asset] = []
    for item in new:
        if files and (stored := files.get(item.record_id)):
            added += stored
            pairs += [(item.record_id, asset.asset_id) for asset in stored]
        if item.assets:
            pairs += [(item.record_id, asset_id) for asset_id in set(item.assets.values())]
    if added:
        await asset_storage.insert(session, project_id, added)
    await asset_storage.attach(session, pairs)


async def load(session: Session, record_id: UUID, *, lock: bool = False) -> StoredRecord:
    """Raises NotKnownHere."""
    record = await storage.load(session, record_id, lock=lock)
    if record is None:
        raise NotKnownHere("record", record_id)
    return record


async def note_states(session: Session, changes: Sequence[StateChange]) -> None:
    """Note how records ended, as qa published it. They came from here, so they are here; of another instance's nothing is kept.

    Of several changes of a record the one with the highest revision counts.
    """
    newest: dict[UUID, StateChange] = {}
    for change in changes:
        before = newest.get(change.record_id)
        if before is not None:
            last = max(before, change, key=lambda one: one.revision)
            change = replace(last, label_revision=max(before.label_revision, change.label_revision))  # noqa: PLW2901
        newest[change.record_id] = change
    await storage.set_states(session, [newest[record_id] for record_id in sorted(newest)])


async def erase(session: Session, record: StoredRecord, reason: str, now: datetime) -> bool:
    """Erase a record that is locked, and publish it, so that everybody does; False when it was erased before."""
    if record.state is RecordState.ERASED:
        return False
    revision = await storage.erase(session, record.record_id, now, mask(reason))
    orphans = await asset_storage.detach(session, record.record_id)
    if orphans:
        await asset_storage.doom(session, orphans, now)
    await publish(
        session,
        RecordErased(reason=mask(reason)),
        project_id=record.project_id,
        record_id=record.record_id,
        revision=revision,
    )
    return True
