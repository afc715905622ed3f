"""Keep records, note what became of them, erase them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.ingest.domain.intake import IntakeProject, RecordCandidate, content_hash, external_hash
from services.ingest.exceptions import NotAccepted
from services.ingest.operations import erasures
from services.ingest.storage import assets as asset_storage
from services.ingest.storage import erasures as erasure_storage
from services.ingest.storage import projects as project_storage
from services.ingest.storage import records as storage
from services.ingest.storage.assets import Asset
from services.ingest.storage.records import Filters, Held, HeldRecords, StateChange, StoredRecord
from shared.contracts.erasure import ErasureReason
from shared.contracts.events import RecordErased
from shared.contracts.values import RecordState
from shared.kit.database import Session
from shared.kit.exceptions import NotKnownHere
from shared.kit.outbox import Outgoing, publish, publish_many

_TRIES = 6
"""A set is settled in four rounds at most unless others write the same."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The record that holds what was sent: a new one, or the one that had it already.

    `alias`: the external id is another name of that record from now on. `differs` names what was sent with the same
    content and is not kept: `slice`, `purposes`.
    """

    record_id: UUID
    duplicate: bool
    alias: bool = False
    differs: tuple[str, ...] = ()


Verdict = Kept | NotAccepted


def erased() -> NotAccepted:
    return NotAccepted("/external_id", "record-erased", "the record was erased and does not come back")


def content_differs(record_id: UUID, pointer: str = "/external_id") -> NotAccepted:
    return NotAccepted(pointer, "content-differs", "the record that is called so has another content", record_id)


def compare(candidate: RecordCandidate, held: Held, *, alias: bool = False) -> Verdict:
    """The verdict on a candidate whose external id or content a record has; its content hash is known."""
    if held.erased:
        return erased()
    if held.content_hash != candidate.content_hash:
        return content_differs(held.record_id)
    differs = []
    if candidate.slice != held.slice:
        differs.append("slice")
    if sorted(candidate.purposes) != sorted(held.purposes):
        differs.append("purposes")
    return Kept(held.record_id, duplicate=True, alias=alias, differs=tuple(differs))


async def keep(
    session: Session, project: IntakeProject, candidates: Sequence[RecordCandidate], files: dict[UUID, list[Asset]]
) -> dict[UUID, Verdict]:
    """Keep what is new and publish it; return a verdict per candidate, by the id drawn for it.

    `files` are the stored files of a candidate. Candidates and records with the same original content are one record,
    whatever external ids they have; a candidate with the external id of a record with another content is refused. The
    constraints decide, whoever else is writing.
    """
    project_id = project.project_id
    verdicts: dict[UUID, Verdict] = dict(await use_assets(session, project, candidates))
    waiting: Sequence[RecordCandidate] = candidates
    new: list[RecordCandidate] = []
    for tries in range(_TRIES):
        if verdicts:
            waiting = [item for item in waiting if item.record_id not in verdicts]
        if not waiting:
            break
        held = await _find(session, project_id, waiting, aliases_alone=not tries)
        unknown = await _settle_known(session, project_id, waiting, held, verdicts) if held else waiting
        firsts = _without_twins(unknown)
        inserted = await storage.insert(session, project_id, firsts) if firsts else set()
        new += firsts if len(inserted) == len(firsts) else [item for item in firsts if item.record_id in inserted]
        verdicts.update({record_id: Kept(record_id, duplicate=False) for record_id in inserted})
        # What stood in the way of the others, or equals one of the firsts, is a record that is found in the next round.
    if any(item.record_id not in verdicts for item in waiting):
        raise RuntimeError("a record was there and was gone, again and again")
    await _attach(session, project_id, new, files)
    await publish_many(
        session, [Outgoing(payload=item.payload(), project_id=project_id, record_id=item.record_id) for item in new]
    )
    return verdicts


async def use_assets(
    session: Session, project: IntakeProject, candidates: Iterable[RecordCandidate]
) -> dict[UUID, NotAccepted]:
    """Put references to uploaded assets into the fields and hash the content; refuses candidates whose asset isn't there."""
    users = [item for item in candidates if item.assets]
    if not users:
        return {}
    wanted = {asset_id for item in users for asset_id in item.assets.values()}
    held = await asset_storage.hold(session, project.project_id, wanted)
    refused: dict[UUID, NotAccepted] = {}
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


async def _find(
    session: Session, project_id: UUID, waiting: Sequence[RecordCandidate], *, aliases_alone: bool
) -> HeldRecords | None:
    """The records that have the candidates' names and contents. No constraint knows aliases: they are looked up first."""
    if not aliases_alone:
        return await storage.find_held(session, project_id, waiting)
    named = [item.external_hash for item in waiting if item.external_hash is not None]
    held = await storage.find_aliases(session, project_id, named) if named else None
    return held if held and held.by_external else None


async def _settle_known(
    session: Session,
    project_id: UUID,
    waiting: Sequence[RecordCandidate],
    held: HeldRecords,
    verdicts: dict[UUID, Verdict],
) -> list[RecordCandidate]:
    """Compare candidates with the records that have their names and contents; return those that are not known."""
    unknown: list[RecordCandidate] = []
    taken: set[bytes] = set()
    named: dict[bytes, RecordCandidate] = {}
    aliases: dict[bytes, tuple[UUID, str | None]] = {}
    for item in waiting:
        name = item.external_hash
        if name is None:
            known, alias = held.by_content.get(item.content_hash), False
        elif name in taken or name in named:  # by an earlier one, which has to be kept before they are compared
            known, alias = None, False
        else:
            known = held.by_external.get(name)
            alias = known is None
            known = known or held.by_content.get(item.content_hash)
        if known is None:
            unknown.append(item)
            if name is not None:
                taken.add(name)
            continue
        verdicts[item.record_id] = compare(item, known, alias=alias)
        if alias and name is not None:
            aliases[name] = known.record_id, item.external_id
            named[name] = item
    added = await storage.add_aliases(session, project_id, aliases)
    for name in aliases.keys() - added:  # somebody else has taken the name meanwhile
        del verdicts[named[name].record_id]
    return [item for item in unknown if item.external_hash is None or item.external_hash not in named]


def _without_twins(candidates: Sequence[RecordCandidate]) -> list[RecordCandidate]:
    """The first of each external id and content."""
    firsts: list[RecordCandidate] = []
    seen: set[bytes] = set()
    for item in candidates:
        keys = {item.content_hash} if item.external_hash is None else {item.content_hash, item.external_hash}
        if seen.isdisjoint(keys):
            firsts.append(item)
        seen |= keys
    return firsts


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


async def page_of_named(
    session: Session, project_id: UUID, external_id: str, after: UUID, filters: Filters
) -> list[dict[str, Any]]:
    """The record that came under this external id or has it as an alias, an erased one as well: at most one row of a page.

    Raises NotKnownHere where there is no such project.
    """
    found = await project_storage.load_intake(session, project_id)
    if found is None:
        raise NotKnownHere("project", project_id)
    _, project = found
    if project is None:  # without a schema it has no records
        return []
    name = external_hash(project, external_id)
    record_id = (await storage.find_external(session, project_id, [name])).get(name)
    return [] if record_id is None else await storage.page_of_one(session, project_id, record_id, after, filters)


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


async def erase(session: Session, record: StoredRecord, reason: ErasureReason, now: datetime) -> bool:
    """Erase a record that is locked, and publish it, so that everybody does; False when it was erased before."""
    # A replica of an older release left them.
    await storage.forget_aliases(session, record.record_id)
    await erasures.note(session, record, record.erased_at or now)
    if record.state is RecordState.ERASED:
        return False
    revision = await storage.erase(session, record.record_id, now, reason)
    orphans = await asset_storage.detach(session, record.record_id)
    if orphans:
        await asset_storage.schedule_deletion(session, orphans, now)
        await erasure_storage.note_files(session, record.record_id, orphans)
    await publish(
        session,
        RecordErased(reason=reason),
        project_id=record.project_id,
        record_id=record.record_id,
        revision=revision,
    )
    return True
