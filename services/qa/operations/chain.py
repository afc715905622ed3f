"""The chain of a record's facts: appended with each fact, verified on demand."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.qa.domain import lineage
from services.qa.domain.merkle import hashes_of, verify_proof
from services.qa.domain.record import Record
from services.qa.domain.seals import Seal
from services.qa.operations.sealing import is_genuine
from services.qa.storage import chain, gold, labels
from shared.kit.database import Session
from shared.kit.signatures import KeyRing

_SALT_BYTES = 32
_ROUND, _BEYOND = 1e16, 2.0**63

LABEL = "label"
RETRACTION = "retraction"
DECISION = "decision"
GOLD = "gold"
GOLD_WITHDRAWN = "gold_withdrawn"
UNLABELABLE = "unlabelable"
ERASURE = "erasure"


@dataclass(frozen=True, slots=True)
class Verification:
    """`broken_at`: the position of the first link that does not verify. `contents`: whether they were checked, too.

    `sealed`: how many links are proven to be under a seal that a known key signed.
    """

    links: int
    broken_at: int | None
    contents: bool
    sealed: int
    head: str | None


def next_link(
    record: Record, kind: str, reference: str, metadata: Mapping[str, Any], content: Any, now: datetime
) -> chain.RecordLink:
    """Chain one more fact to a locked record; `kind` and `reference` name the row whose content can be erased."""
    if record.salt is None:
        record.salt = secrets.token_bytes(_SALT_BYTES)
    position = record.chain_length
    whole = {
        "kind": kind,
        "reference": reference,
        "record_id": str(record.record_id),
        "position": position,
        "at": now.isoformat(),
        "commitment": lineage.OWN_KEY,
        **metadata,
    }
    text = lineage.canonical(whole)
    commitment = lineage.commit(lineage.commitment_key(record.salt, whole), as_stored(content))
    head = lineage.link_hash(record.chain_head or lineage.GENESIS, text, commitment)
    record.chain_length += 1
    record.chain_head = head
    return chain.RecordLink(
        record_id=record.record_id,
        position=position,
        project_id=record.project_id,
        kind=kind,
        reference=reference,
        text_to_hash=text.decode(),
        content_hmac=commitment,
        hash=head,
        linked_at=now,
    )


def as_stored(content: Any) -> Any:
    """Content as jsonb gives it back: it knows no negative zero, and writes large round floats as integers."""
    if isinstance(content, dict):
        return {name: as_stored(value) for name, value in content.items()}
    if isinstance(content, list):
        return [as_stored(value) for value in content]
    if isinstance(content, float):
        whole = content.is_integer() and _ROUND <= abs(content) < _BEYOND
        return int(content) if whole else content + 0.0
    return content


async def verify(session: Session, keys: KeyRing, record: Record, links: Sequence[chain.StoredLink]) -> Verification:
    """Compute every link again from the rows as they are now."""
    rebuilt = [
        lineage.ChainLink(metadata=orjson.loads(one.text_to_hash), commitment=one.content_hmac, hash=one.hash)
        for one in links
    ]
    contents = None if record.salt is None else await _contents(session, record.record_id, links)
    broken = await asyncio.to_thread(lineage.verify_chain, rebuilt, salt=record.salt, contents=contents)
    head = links[-1].hash if links else None
    if broken is None and (len(links) != record.chain_length or head != record.chain_head):
        broken = min(len(links), record.chain_length)
    return Verification(
        links=len(links),
        broken_at=broken,
        contents=contents is not None,
        sealed=await _sealed(session, keys, record.project_id, links),
        head=None if head is None else head.hex(),
    )


async def _contents(session: Session, record_id: UUID, links: Sequence[chain.StoredLink]) -> list[Any]:
    found: dict[tuple[str, str], Any] = {}
    for label in await labels.revisions(session, record_id):
        found[LABEL, str(label["label_revision"])] = label["answers"]
    for decision in await labels.decisions_of(session, record_id):
        content = {"answers": decision["answers"], "reason": decision["reason"]}
        found[DECISION, str(decision["decision_id"])] = content
    for placed in await gold.revisions(session, record_id):
        found[GOLD, str(placed["gold_revision"])] = placed["answers"]
        found[GOLD_WITHDRAWN, str(placed["gold_revision"])] = {"reason": placed["ended_reason"]}
    return [found.get((one.kind, one.reference), {}) for one in links]


async def _sealed(session: Session, keys: KeyRing, project_id: UUID, links: Sequence[chain.StoredLink]) -> int:
    """How many links verify under seals that a known key signed; each seal is read once."""
    numbers = {one.seal_number for one in links if one.seal_number is not None}
    found = await chain.seals_by_number(session, project_id, numbers)
    genuine = {number: seal for number, seal in found.items() if is_genuine(keys, seal)}
    return sum(_is_proven(one, genuine) for one in links)


def _is_proven(link: chain.StoredLink, seals: Mapping[int, Seal]) -> bool:
    seal = None if link.seal_number is None else seals.get(link.seal_number)
    if seal is None or link.leaf is None or link.proof is None:
        return False
    return verify_proof(link.hash, link.leaf, seal.leaves, hashes_of(link.proof), seal.root)
