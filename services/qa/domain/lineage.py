"""A record's chain of facts. Content can be erased; the chain still verifies.

hash = SHA-256(previous || length || metadata || commitment), commitment = HMAC-SHA-256(key, content). Each link has a key
of its own, made of the record's salt, so that a release opens the label that it holds and nothing else. Erasure deletes
content and salt and keeps commitments: nothing can be learnt from them, and every link still verifies.
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

OWN_KEY = "own_key"
"""The `commitment` of links whose content is committed under a key of their own."""


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One fact of a record's life. `metadata` holds no content: ids, versions, times, numbers."""

    metadata: Mapping[str, JsonValue]
    commitment: bytes
    hash: bytes


def canonical(value: JsonValue | Mapping[str, JsonValue]) -> bytes:
    """One byte string per JSON value: sorted keys, no spaces, UTF-8, shortest round-trip floats, no NaN."""
    return _CANONICAL.encode(value).encode()


def commit(key: bytes, content: JsonValue | Mapping[str, JsonValue]) -> bytes:
    """HMAC-SHA-256 of the canonical content under the link's key."""
    return hmac.digest(key, canonical(content), hashlib.sha256)


def commitment_key(salt: bytes, metadata: Mapping[str, JsonValue]) -> bytes:
    """Return the key that a link's content is committed under: its own, or the record's salt where that is older."""
    if metadata.get("commitment") != OWN_KEY:
        return salt
    return hmac.digest(salt, f"link {metadata['position']}".encode(), hashlib.sha256)


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
            and (
                index >= len(contents)
                or not hmac.compare_digest(one.commitment, commit(commitment_key(salt, one.metadata), contents[index]))
            )
        ):
            return index
        previous = one.hash
    return None
