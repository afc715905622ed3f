"""The Merkle tree of RFC 9162, section 2.1: leaves and nodes are hashed apart."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

_HASH_BYTES: Final = 32


class MerkleTree:
    """The tree over leaves in their order; hashed once, whatever is asked of it then."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [[_leaf(leaf) for leaf in leaves]]
        while len(self._levels[-1]) > 1:
            self._levels.append(_parents(self._levels[-1]))

    @property
    def root(self) -> bytes:
        """The hash of nothing when there is no leaf."""
        return self._levels[-1][0] if self._levels[0] else hashlib.sha256().digest()

    def proof(self, index: int) -> list[bytes]:
        """Return the sibling hashes of the `index`-th leaf (from 0), from the leaf up."""
        siblings = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                siblings.append(level[sibling])
            index //= 2
        return siblings


def verify_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf` is the `index`-th (from 0) of the `size` leaves under `root`."""
    if not 0 <= index < size:
        return False
    found = _leaf(leaf)
    siblings = iter(proof)
    while size > 1:
        if index ^ 1 < size:
            sibling = next(siblings, None)
            if sibling is None:
                return False
            found = _node(sibling, found) if index % 2 else _node(found, sibling)
        index, size = index // 2, (size + 1) // 2
    return next(siblings, None) is None and hmac.compare_digest(found, root)


def hashes_of(proof: bytes) -> list[bytes]:
    """Return the hashes of a proof that is stored as one string."""
    return [proof[at : at + _HASH_BYTES] for at in range(0, len(proof), _HASH_BYTES)]


def _leaf(content: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + content).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _parents(level: Sequence[bytes]) -> list[bytes]:
    """One level up; a last one without sibling goes up as it is."""
    pairs = [_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return pairs if len(level) % 2 == 0 else [*pairs, level[-1]]
