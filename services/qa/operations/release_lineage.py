"""The lineage that a release holds: what proves each label, and every seal of the project."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final
from uuid import UUID

import orjson

from services.qa.domain.lineage import GENESIS, commitment_key
from services.qa.domain.release_lineage import ChainEntry, LabelLineage
from services.qa.domain.releases import ReleasedLabel, SealsFile
from services.qa.domain.seals import Seal
from services.qa.exceptions import LabelWithoutLink
from services.qa.operations import sealing
from services.qa.operations.chain import GOLD
from services.qa.operations.release_files import JSON_LINES, SEALS, store
from services.qa.storage import chain
from services.qa.storage.chain import LinkOfLabel
from shared.kit.clock import utc_now
from shared.kit.database import Database
from shared.kit.objects import Objects
from shared.kit.signatures import KeyRing

_SEALS_PER_PAGE: Final = 1000


async def links_of(
    database: Database, keys: KeyRing, project_id: UUID, labels: Sequence[ReleasedLabel]
) -> list[list[LinkOfLabel]]:
    """Return for each label, in their order, its record's links up to its own; what is not sealed yet is sealed first.

    Raises:
        LabelWithoutLink: a label stands that its record's chain doesn't hold.
        SealNotGenuine: the project's last seal does not verify.
    """
    if not labels:
        return []
    links = await _links(database, labels)
    if any(one[-1].proof is None for one in links.values()):
        await sealing.seal_all(database, keys, project_id, utc_now())
        links = await _links(database, labels)
    return [links[one.record_id] for one in labels]


def lines_of(chains: Sequence[Sequence[LinkOfLabel]]) -> bytes:
    """Return a line of lineage for each label. CPU work, no I/O."""
    return b"".join([orjson.dumps(_lineage(one).content(), option=orjson.OPT_APPEND_NEWLINE) for one in chains])


async def write_seals(database: Database, objects: Objects, folder: str, project_id: UUID) -> SealsFile:
    """Write every seal of the project, from the first to the last: whoever has an earlier release sees that it goes on."""
    count, last = 0, None

    async def lines() -> AsyncIterator[bytes]:
        nonlocal count, last
        while True:
            async with database.transaction() as session:
                page = await chain.seals(session, project_id, count, _SEALS_PER_PAGE)
            if not page:
                return
            count, last = page[-1].number, page[-1]
            yield b"".join([_seal_line(one) for one in page])

    stored = await store(objects, f"{folder}/{SEALS}", lines(), JSON_LINES)
    return SealsFile(SEALS, count, stored.bytes, stored.sha256, None if last is None else last.hash.hex())


async def _links(database: Database, labels: Sequence[ReleasedLabel]) -> Mapping[UUID, list[LinkOfLabel]]:
    """By record, the links up to that of its label."""
    found: dict[UUID, list[LinkOfLabel]] = {one.record_id: [] for one in labels}
    async with database.transaction() as session:
        for one in await chain.of_labels(session, [(each.record_id, each.label_revision) for each in labels]):
            found[one.record_id].append(one)
    for record_id, links in found.items():
        if not links:
            raise LabelWithoutLink(record_id)
    return found


def _lineage(links: Sequence[LinkOfLabel]) -> LabelLineage:
    """What is before a gold link is left out with it: that link names who placed the gold."""
    last_gold = max([at for at, one in enumerate(links) if one.kind == GOLD], default=-1)
    shown, label = links[last_gold + 1 :], links[-1]
    assert label.seal_number is not None
    assert label.leaf is not None
    assert label.proof is not None
    return LabelLineage(
        record_id=label.record_id,
        previous=links[last_gold].hash if last_gold >= 0 else GENESIS,
        entries=[ChainEntry(one.text_to_hash, one.content_hmac, one.hash) for one in shown],
        key=None if label.salt is None else commitment_key(label.salt, orjson.loads(label.text_to_hash)),
        seal=label.seal_number,
        leaf=label.leaf,
        proof=label.proof,
    )


def _seal_line(seal: Seal) -> bytes:
    return orjson.dumps(sealing.chain_sealed(seal).model_dump(mode="json"), option=orjson.OPT_APPEND_NEWLINE)
