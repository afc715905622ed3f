"""A record's chain of facts, and the seal of a project's chains. Content can be erased; the chain still verifies.

hash = SHA-256(previous || length || metadata || commitment), commitment = HMAC-SHA-256(salt, content). Erasure deletes
content and salt and keeps commitments: nothing can be learnt from them, and every link still verifies. The Merkle tree
is that of RFC 9162, section 2.1 (leaves and nodes hashed apart).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

GENESIS = bytes(32)
"""What comes before a record's first link."""


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One fact of a record's life. `metadata` holds no content: ids, versions, times, numbers."""

    metadata: Mapping[str, JsonValue]
    commitment: bytes
    hash: bytes


def canonical(value: JsonValue | Mapping[str, JsonValue]) -> bytes:
    """One byte string per JSON value: sorted keys, no spaces, UTF-8, shortest round-trip floats, no NaN."""
    return _CANONICAL.encode(value).encode()


def commit(salt: bytes, content: JsonValue | Mapping[str, JsonValue]) -> bytes:
    """HMAC-SHA-256 of the canonical content under the record's own random salt."""
    return hmac.digest(salt, canonical(content), hashlib.sha256)


def link(previous: bytes, metadata: Mapping[str, JsonValue], commitment: bytes) -> ChainLink:
    """The next link after the one whose hash is `previous` (`GENESIS` for the first)."""
    return ChainLink(metadata, commitment, link_hash(previous, canonical(metadata), commitment))


def link_hash(previous: bytes, metadata: bytes, commitment: bytes) -> bytes:
    """The hash of a link whose metadata are given as `canonical` writes them."""
    return hashlib.sha256(previous + len(metadata).to_bytes(8, "big") + metadata + commitment).digest()


def verify_chain(
    links: Sequence[ChainLink],
    *,
    salt: bytes | None = None,
    contents: Sequence[JsonValue | Mapping[str, JsonValue]] | None = None,
) -> int | None:
    """The index of the first link that does not verify, None when all do.

    With salt and contents (both in link order) the commitments are checked too; without, as after erasure, the chain alone.
    """
    previous = GENESIS
    for index, one in enumerate(links):
        if not hmac.compare_digest(one.hash, link_hash(previous, canonical(one.metadata), one.commitment)):
            return index
        if (
            salt is not None
            and contents is not None
            and (index >= len(contents) or not hmac.compare_digest(one.commitment, commit(salt, contents[index])))
        ):
            return index
        previous = one.hash
    return None


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root over link hashes in sealing order; the hash of nothing when there is none."""
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    if not level:
        return hashlib.sha256().digest()
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def merkle_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Sibling hashes from the leaf up."""
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    proof: list[bytes] = []
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        level, index = _parents(level), index // 2
    return proof


def verify_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf` is the `index`-th (from 0) of the `size` leaves under `root`."""
    if not 0 <= index < size:
        return False
    found = hashlib.sha256(b"\x00" + leaf).digest()
    siblings = list(proof)
    while size > 1:
        if index ^ 1 < size:
            if not siblings:
                return False
            sibling = siblings.pop(0)
            found = _node(sibling, found) if index % 2 else _node(found, sibling)
        index, size = index // 2, (size + 1) // 2
    return not siblings and hmac.compare_digest(found, root)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _parents(level: Sequence[bytes]) -> list[bytes]:
    """One level up; a last one without sibling goes up as it is."""
    pairs = [_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return pairs if len(level) % 2 == 0 else [*pairs, level[-1]]
