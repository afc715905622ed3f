"""A record's chain of facts, and the seal of a project's chains. Content can be erased; the chain still verifies.

link = SHA-256(previous || metadata || commitment), commitment = HMAC-SHA-256(salt, content). Erasure deletes content
and salt and keeps commitments: nothing can be learnt from them, and every link still verifies. Merkle tree as in
RFC 9162 section 2.1 (domain-separated leaves and nodes).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

GENESIS = bytes(32)


@dataclass(frozen=True, slots=True)
class Link:
    """One fact of a record's life. `metadata` holds no content (ids, versions, times, numbers)."""

    metadata: Mapping[str, JsonValue]
    commitment: bytes
    hash: bytes


def canonical(value: JsonValue | Mapping[str, JsonValue]) -> bytes:
    """One byte string per JSON value: sorted keys, no spaces, UTF-8, shortest round-trip floats."""
    raise NotImplementedError


def commit(salt: bytes, content: JsonValue | Mapping[str, JsonValue]) -> bytes:
    """HMAC-SHA-256 of the canonical content under the record's own random salt."""
    raise NotImplementedError


def link(previous: bytes, metadata: Mapping[str, JsonValue], commitment: bytes) -> Link:
    """The next link after `previous` (`GENESIS` for the first)."""
    raise NotImplementedError


def verify_chain(links: Sequence[Link], *, salt: bytes | None = None, contents: Sequence[JsonValue] | None = None) -> int | None:
    """The index of the first link that does not verify, None when all do. Salt and contents may have been erased."""
    raise NotImplementedError


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root over link hashes in sealing order; the hash of nothing when there is none."""
    raise NotImplementedError


def merkle_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Sibling hashes from the leaf up."""
    raise NotImplementedError


def verify_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf` is the `index`-th of the `size` leaves under `root`."""
    raise NotImplementedError
