"""Seals: Merkle roots over new links of a project's chains, chained themselves and signed.

hash = SHA-256(previous || length || metadata), as that of a link without content; `signed_bytes` are what a seal's
signature is made over. A seal's hash covers its project, number, count of leaves, root, time and the hash before.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import JsonValue

from services.qa.domain.lineage import GENESIS, canonical, link_hash

FIRST_PREVIOUS: Final = GENESIS
"""What comes before a project's first seal."""

_SEAL: Final = b"touchstone-seal/1\n"
_RELEASE: Final = b"touchstone-release/1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A signed root. `number` counts from 1 in its project; `key_id` names the public key that verifies the signature."""

    project_id: UUID
    number: int
    leaves: int
    root: bytes
    previous: bytes
    hash: bytes
    sealed_at: datetime
    key_id: str
    signature: bytes


def seal_hash(
    *, project_id: UUID, number: int, leaves: int, root: bytes, previous: bytes, sealed_at: datetime
) -> bytes:
    """Return the hash of a seal that follows the one with the hash `previous`."""
    metadata: dict[str, JsonValue] = {
        "project_id": str(project_id),
        "number": number,
        "leaves": leaves,
        "root": root.hex(),
        "at": sealed_at.isoformat(),
    }
    return link_hash(previous, canonical(metadata), b"")


def signed_bytes(hash_of_seal: bytes) -> bytes:
    """Return the message that the signature of a seal is made over."""
    return _SEAL + hash_of_seal


def release_signed_bytes(manifest_sha256: bytes) -> bytes:
    """Return the message that the signature of a release is made over."""
    return _RELEASE + manifest_sha256


def has_own_hash(seal: Seal) -> bool:
    """Return whether the seal's hash is that of its content."""
    return seal.hash == seal_hash(
        project_id=seal.project_id,
        number=seal.number,
        leaves=seal.leaves,
        root=seal.root,
        previous=seal.previous,
        sealed_at=seal.sealed_at,
    )
