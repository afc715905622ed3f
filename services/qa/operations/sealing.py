"""Seals: new links of a project's chains are put under a Merkle root, which is signed and published.

The key is not in the database: who can write there can't sign. Before a seal is added the one before is verified, so that
nothing is built on a root that somebody put there.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.qa.domain.merkle import MerkleTree
from services.qa.domain.seals import FIRST_PREVIOUS, Seal, has_own_hash, seal_hash, signed_bytes
from services.qa.exceptions import SealNotGenuine
from services.qa.storage import chain
from services.qa.storage.chain import SealedLink
from shared.contracts.events import ChainSealed
from shared.kit import outbox
from shared.kit.database import Database
from shared.kit.signatures import KeyRing

_LINKS_PER_SEAL: Final = 4096


async def seal_some(database: Database, keys: KeyRing, project_id: UUID, now: datetime) -> int:
    """Put the oldest unsealed links of a project under one root; return how many, 0 when there are none.

    Raises:
        SealNotGenuine: the last seal does not verify.
    """
    while True:
        async with database.transaction() as session:
            last = await chain.last_seal(session, project_id)
            rows = await chain.unsealed(session, project_id, _LINKS_PER_SEAL)
        if not rows:
            return 0
        if last is not None and not is_genuine(keys, last):
            raise SealNotGenuine(project_id, last.number, last.key_id, known=last.key_id in keys.known)
        made, links = await asyncio.to_thread(_sealed, keys, project_id, last, rows, now)
        async with database.transaction() as session:
            if await chain.add_seal(session, made, links):
                await outbox.publish(session, chain_sealed(made), project_id=project_id, revision=made.number)
                return len(rows)
        # another process has sealed some of them meanwhile


async def seal_all(database: Database, keys: KeyRing, project_id: UUID, now: datetime) -> None:
    """Seal every link that a project has now. What comes while that is done waits: else it would not end while people work."""
    while await seal_some(database, keys, project_id, now) == _LINKS_PER_SEAL:
        pass


def is_genuine(keys: KeyRing, seal: Seal) -> bool:
    """Return whether a key that is known signed the seal as it stands."""
    return has_own_hash(seal) and keys.verifies(seal.key_id, seal.signature, signed_bytes(seal.hash))


def chain_sealed(seal: Seal) -> ChainSealed:
    """Return what is published of a seal."""
    return ChainSealed(
        number=seal.number,
        leaves=seal.leaves,
        root=seal.root.hex(),
        previous=seal.previous.hex(),
        hash=seal.hash.hex(),
        sealed_at=seal.sealed_at,
        key_id=seal.key_id,
        signature=seal.signature.hex(),
    )


def _sealed(
    keys: KeyRing, project_id: UUID, last: Seal | None, rows: Sequence[Any], now: datetime
) -> tuple[Seal, list[SealedLink]]:
    """CPU work, no I/O."""
    tree = MerkleTree([row["hash"] for row in rows])
    number, previous = (1, FIRST_PREVIOUS) if last is None else (last.number + 1, last.hash)
    hashed = seal_hash(
        project_id=project_id, number=number, leaves=len(rows), root=tree.root, previous=previous, sealed_at=now
    )
    made = Seal(
        project_id=project_id,
        number=number,
        leaves=len(rows),
        root=tree.root,
        previous=previous,
        hash=hashed,
        sealed_at=now,
        key_id=keys.signing.public.key_id,
        signature=keys.signing.sign(signed_bytes(hashed)),
    )
    links = [
        SealedLink(row["record_id"], row["position"], leaf, b"".join(tree.proof(leaf))) for leaf, row in enumerate(rows)
    ]
    return made, links
