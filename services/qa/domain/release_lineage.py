"""What a release holds to prove each of its labels, and what is wrong with a label and its proof.

A label's chain entries lead to the entry of the label, whose hash is a leaf under a seal's root. The key opens the
commitment of that entry alone, so that the label's answers can be compared with what was committed.
"""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from json import loads
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from services.qa.domain.lineage import GENESIS, commit, link_hash
from services.qa.domain.merkle import hashes_of, verify_proof

LINEAGE_FORMAT: Final = "touchstone-lineage/1"
_LABEL: Final = "label"
_HASH_BYTES: Final = 32


class LineageFault(StrEnum):
    """What does not verify, the most telling first."""

    LABEL = "label"
    ENTRY = "entry"
    PROOF = "proof"
    LINE = "line"
    SEAL = "seal"
    KEY = "key"
    SIGNATURE = "signature"
    CONTINUITY = "continuity"
    MANIFEST = "manifest"
    FILE = "file"


class FoundFault(NamedTuple):
    """One thing that does not verify, in words for a person."""

    kind: LineageFault
    words: str


class SealedRoot(NamedTuple):
    """What of a seal that verifies is needed to check proofs."""

    leaves: int
    root: bytes


class ChainEntry(NamedTuple):
    """A link as it was hashed: `text` is its metadata in canonical JSON."""

    text: str
    commitment: bytes
    hash: bytes


class LabelLineage(NamedTuple):
    """How one label came to be: a line of `<split>.lineage.jsonl`.

    `previous`: the hash before the first of the `entries`, 32 zero bytes before a record's first. `key` opens the last one,
    None once the record was erased. `leaf`: the place (from 0) of the last one under the seal of that number; `proof`: the
    sibling hashes on the way to the seal's root, one after the other.
    """

    record_id: UUID
    previous: bytes
    entries: Sequence[ChainEntry]
    key: bytes | None
    seal: int
    leaf: int
    proof: bytes

    def content(self) -> dict[str, Any]:
        """Return the line as an object for JSON; hashes are hexadecimal."""
        return {
            "record_id": str(self.record_id),
            "previous": self.previous.hex(),
            "entries": [
                {"metadata": one.text, "commitment": one.commitment.hex(), "hash": one.hash.hex()}
                for one in self.entries
            ],
            "key": None if self.key is None else self.key.hex(),
            "seal": self.seal,
            "leaf": self.leaf,
            "proof": self.proof.hex(",", _HASH_BYTES).split(",") if self.proof else [],
        }

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> Self:
        """Read what `content` returns.

        Raises:
            KeyError, TypeError, ValueError: it is not that.
        """
        proof = [bytes.fromhex(one) for one in content["proof"]]
        if any(len(one) != _HASH_BYTES for one in proof):
            raise ValueError("a hash of the proof has another length")
        return cls(
            record_id=UUID(content["record_id"]),
            previous=bytes.fromhex(content["previous"]),
            entries=[
                ChainEntry(str(one["metadata"]), bytes.fromhex(one["commitment"]), bytes.fromhex(one["hash"]))
                for one in content["entries"]
            ],
            key=None if content["key"] is None else bytes.fromhex(content["key"]),
            seal=int(content["seal"]),
            leaf=int(content["leaf"]),
            proof=b"".join(proof),
        )


def faults_of(
    label: Mapping[str, Any], lineage: LabelLineage, seals: Mapping[int, SealedRoot | LineageFault]
) -> Iterator[FoundFault]:
    """Find what is wrong with a line of a release and the lineage of the same record.

    `seals`, by number: the root of each that verifies, what is wrong with each other one.
    """
    record_id = str(lineage.record_id)
    broken = _broken_entry(lineage)
    if broken is not None:
        yield FoundFault(LineageFault.ENTRY, f"record {record_id}: {broken}")
        return
    yield from _faults_of_label(label, lineage)
    seal = seals.get(lineage.seal, LineageFault.SEAL)
    if isinstance(seal, LineageFault):
        yield FoundFault(seal, f"record {record_id}: its seal {lineage.seal} does not verify")
    elif not verify_proof(lineage.entries[-1].hash, lineage.leaf, seal.leaves, hashes_of(lineage.proof), seal.root):
        words = f"record {record_id}: the proof does not lead to the root of seal {lineage.seal}"
        yield FoundFault(LineageFault.PROOF, words)


def _broken_entry(lineage: LabelLineage) -> str | None:
    """Say what is wrong with the entries, None when they are a piece of the record's chain that ends with a label."""
    if not lineage.entries:
        return "it has no chain entry"
    previous, position = lineage.previous, None
    metadata: Mapping[str, Any] = {}
    for one in lineage.entries:
        metadata = _metadata(one)
        number = metadata.get("position")
        if one.hash != link_hash(previous, one.text.encode(), one.commitment):
            return f"chain entry {number} does not have the hash that is stated"
        if metadata.get("record_id") != str(lineage.record_id):
            return f"chain entry {number} is of another record"
        if not isinstance(number, int) or (position is not None and number != position + 1):
            return f"chain entry {number} does not follow entry {position}"
        if (number == 0) != (previous == GENESIS) or len(previous) != _HASH_BYTES:
            return f"chain entry {number} stands at another place of the chain"
        previous, position = one.hash, number
    return None if metadata.get("kind") == _LABEL else "its last chain entry is not of a label"


def _metadata(entry: ChainEntry) -> Mapping[str, Any]:
    try:
        found = loads(entry.text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _faults_of_label(label: Mapping[str, Any], lineage: LabelLineage) -> Iterator[FoundFault]:
    """Compare a line of a release with the entry of its label."""
    entry = lineage.entries[-1]
    if lineage.key is None or not hmac.compare_digest(entry.commitment, commit(lineage.key, label.get("answers"))):
        words = f"record {lineage.record_id}: the answers are not those that the chain commits to"
        yield FoundFault(LineageFault.LABEL, words)
    metadata = _metadata(entry)
    differing = [name for name, value in _stated(label).items() if metadata.get(name) != value]
    if differing:
        words = f"record {lineage.record_id}: the label differs from its chain entry in {', '.join(differing)}"
        yield FoundFault(LineageFault.LABEL, words)


def _stated(label: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a line of a release says of its label, under the names that the chain's metadata have."""
    stated = label.get("label")
    of_label = dict(stated) if isinstance(stated, dict) else {}
    return {
        "split": label.get("split"),
        "label_revision": of_label.pop("revision", None),
        "at": _moment(of_label.pop("finalized_at", None)),
        **of_label,
    }


def _moment(text: Any) -> str | None:
    try:
        return datetime.fromisoformat(text).isoformat()
    except (TypeError, ValueError):
        return None
