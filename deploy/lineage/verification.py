"""Everything that a release says of itself, checked against its signatures and its labels' chains.

Labels and their lineage are read side by side, line by line: memory grows with the number of seals, not of labels.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import ValidationError

from deploy.lineage.manifest import FileInManifest, ReleaseManifest
from deploy.lineage.release_files import MANIFEST, MOST_LINE_BYTES, DownloadedRelease
from services.qa.domain.release_lineage import (
    LINEAGE_FORMAT,
    FoundFault,
    LabelLineage,
    LineageFault,
    SealedRoot,
    faults_of,
)
from services.qa.domain.seals import FIRST_PREVIOUS, Seal, has_own_hash, release_signed_bytes, signed_bytes
from shared.contracts.answers import OffsetUnit, to_code_points
from shared.contracts.fields import parse_fields
from shared.kit.signatures import PublicKey

_SIGNATURE: Final = "signature.json"
_SHOWN: Final = 5


class NoLineage(Exception):
    """The release is from before releases held their lineage, or its manifest is none."""


@dataclass
class VerificationReport:
    """What was verified and what was not. Of each kind of fault the first few are kept, all are counted."""

    labels: int = 0
    seals: int = 0
    first_sealed_at: datetime | None = None
    last_sealed_at: datetime | None = None
    key_ids: set[str] = field(default_factory=set)
    faults: list[FoundFault] = field(default_factory=list)
    counts: Counter[LineageFault] = field(default_factory=Counter)

    def add(self, kind: LineageFault, words: str) -> None:
        self.counts[kind] += 1
        if self.counts[kind] <= _SHOWN:
            self.faults.append(FoundFault(kind, words))

    def add_seal(self, seal: Seal) -> None:
        """Count a seal that verifies."""
        self.seals += 1
        self.key_ids.add(seal.key_id)
        self.first_sealed_at = min(self.first_sealed_at or seal.sealed_at, seal.sealed_at)
        self.last_sealed_at = max(self.last_sealed_at or seal.sealed_at, seal.sealed_at)

    @property
    def worst(self) -> LineageFault | None:
        """The most telling kind of fault, None when all verifies."""
        return next((one for one in LineageFault if self.counts[one]), None)


@dataclass(frozen=True)
class _Keys:
    """The public keys that count, by id: those that the user gave, or else the release's own."""

    trusted: Mapping[str, PublicKey]
    pinned: bool

    def fault(self, key_id: str, signature: str, message: bytes) -> FoundFault | None:
        key = self.trusted.get(key_id)
        if key is None:
            whose = "the public keys that were given" if self.pinned else "the release's public keys"
            return FoundFault(LineageFault.KEY, f"key {key_id} is not among {whose}")
        if not key.verifies(_bytes(signature), message):
            return FoundFault(LineageFault.SIGNATURE, f"the signature is not one of key {key_id}")
        return None


@dataclass
class _Seals:
    """By number, the root of each seal that verifies and what is wrong with each other one; the hashes of the former."""

    roots: dict[int, SealedRoot | LineageFault] = field(default_factory=dict)
    hashes: dict[int, bytes] = field(default_factory=dict)


def verify(
    release: DownloadedRelease,
    pinned: Mapping[str, PublicKey] | None = None,
    previous: DownloadedRelease | None = None,
) -> VerificationReport:
    """Verify a release, and that it goes on from a previous one if that is given.

    Raises:
        NoLineage: the release holds none.
    """
    report = VerificationReport()
    manifest = _manifest(release)
    keys = _keys(report, manifest, pinned)
    _verify_manifest(report, release, keys)
    for file in (*manifest.files, *manifest.lineage.files, manifest.lineage.seals):
        _verify_file(report, release, file)
    if manifest.gold.released is not None:
        _verify_file(report, release, manifest.gold.released, optional=True)
    seals = _verified_seals(report, release, manifest, keys)
    for labels, lineage in zip(manifest.files, manifest.lineage.files, strict=False):
        _verify_split(report, release, labels, lineage, manifest, seals.roots)
    if len(manifest.files) != len(manifest.lineage.files):
        report.add(LineageFault.LINE, "not every file of labels has its file of lineage")
    if previous is not None:
        _verify_continuity(report, manifest, seals.hashes, previous)
    return report


def _manifest(release: DownloadedRelease) -> ReleaseManifest:
    try:
        manifest = ReleaseManifest.model_validate(release.json(MANIFEST))
    except (KeyError, ValidationError, ValueError) as error:
        raise NoLineage(f"The manifest names no lineage of format {LINEAGE_FORMAT}.") from error
    if manifest.lineage.format != LINEAGE_FORMAT:
        raise NoLineage(f"The lineage is of format {manifest.lineage.format}, not {LINEAGE_FORMAT}.")
    return manifest


def _keys(report: VerificationReport, manifest: ReleaseManifest, pinned: Mapping[str, PublicKey] | None) -> _Keys:
    own: dict[str, PublicKey] = {}
    for one in manifest.lineage.keys:
        try:
            key = PublicKey.parse(one.public_key)
        except ValueError:
            report.add(LineageFault.KEY, f"key {one.key_id} in the manifest is no Ed25519 key")
            continue
        if key.key_id != one.key_id:
            report.add(LineageFault.KEY, f"a public key in the manifest has not the id {one.key_id} that is stated")
            continue
        own[key.key_id] = key
    return _Keys(own if pinned is None else pinned, pinned is not None)


def _verify_manifest(report: VerificationReport, release: DownloadedRelease, keys: _Keys) -> None:
    digest = release.digest(MANIFEST).sha256
    try:
        signed = release.json(_SIGNATURE)
        key_id, signature, stated = signed["key_id"], signed["signature"], signed["manifest_sha256"]
    except (KeyError, TypeError, ValueError):
        report.add(LineageFault.MANIFEST, f"{_SIGNATURE} is missing or can't be read: the manifest is signed by nobody")
        return
    if stated != digest:
        report.add(LineageFault.MANIFEST, f"{MANIFEST} is not the one that was signed")
        return
    fault = keys.fault(key_id, signature, release_signed_bytes(bytes.fromhex(digest)))
    if fault is not None:
        kind = fault.kind if fault.kind is LineageFault.KEY else LineageFault.MANIFEST
        report.add(kind, f"{MANIFEST}: {fault.words}")


def _verify_file(
    report: VerificationReport, release: DownloadedRelease, file: FileInManifest, *, optional: bool = False
) -> None:
    """Gold is `optional`: it is not given to everybody who may read the release."""
    try:
        found = release.digest(file.name)
    except KeyError:
        if not optional:
            report.add(LineageFault.FILE, f"{file.name} is missing")
        return
    if (found.bytes, found.sha256) != (file.bytes, file.sha256):
        report.add(LineageFault.FILE, f"{file.name} does not have the size and SHA-256 that the manifest states")


def _verified_seals(
    report: VerificationReport, release: DownloadedRelease, manifest: ReleaseManifest, keys: _Keys
) -> _Seals:
    found = _Seals()
    previous, expected = FIRST_PREVIOUS, 1
    stated = manifest.lineage.seals
    for seal in _seals(report, release, stated.name, manifest.project_id):
        fault = _fault_of_seal(seal, expected, previous, keys)
        if fault is None:
            found.roots[seal.number] = SealedRoot(seal.leaves, seal.root)
            found.hashes[seal.number] = seal.hash
            report.add_seal(seal)
        else:
            found.roots[seal.number] = fault.kind
            report.add(fault.kind, f"seal {seal.number}: {fault.words}")
        previous, expected = seal.hash, seal.number + 1
    if expected - 1 != stated.seals:
        report.add(LineageFault.SEAL, f"the last seal is {expected - 1}, and the manifest states {stated.seals}")
    return found


def _seals(report: VerificationReport, release: DownloadedRelease, name: str, project_id: UUID) -> Iterator[Seal]:
    for number, line in _lines(report, release, name):
        try:
            yield _seal(orjson.loads(line), project_id)
        except (KeyError, TypeError, ValueError):
            report.add(LineageFault.SEAL, f"line {number} of {name} is no seal")


def _seal(content: Mapping[str, Any], project_id: UUID) -> Seal:
    return Seal(
        project_id=project_id,
        number=int(content["number"]),
        leaves=int(content["leaves"]),
        root=bytes.fromhex(content["root"]),
        previous=bytes.fromhex(content["previous"]),
        hash=bytes.fromhex(content["hash"]),
        sealed_at=datetime.fromisoformat(content["sealed_at"]),
        key_id=str(content["key_id"]),
        signature=_bytes(content["signature"]),
    )


def _fault_of_seal(seal: Seal, expected: int, previous: bytes, keys: _Keys) -> FoundFault | None:
    if seal.number != expected:
        return FoundFault(LineageFault.SEAL, f"it follows seal {expected - 1}")
    if not has_own_hash(seal):
        return FoundFault(LineageFault.SEAL, "its root, time or count are not those of its hash")
    if seal.previous != previous:
        return FoundFault(LineageFault.SEAL, "it is not chained to the seal before")
    return keys.fault(seal.key_id, seal.signature.hex(), signed_bytes(seal.hash))


def _verify_split(
    report: VerificationReport,
    release: DownloadedRelease,
    labels_file: FileInManifest,
    lineage_file: FileInManifest,
    manifest: ReleaseManifest,
    roots: Mapping[int, SealedRoot | LineageFault],
) -> None:
    """Read labels and lineage side by side; both are in the order of their records' ids."""
    labels = _records(report, release, labels_file.name)
    lineage = _records(report, release, lineage_file.name)
    label, proof = next(labels, None), next(lineage, None)
    pairs = 0
    while label is not None or proof is not None:
        if proof is None or (label is not None and label["record_id"] < proof["record_id"]):
            assert label is not None
            report.add(LineageFault.LINE, f"record {label['record_id']}: it is in {labels_file.name} without lineage")
            label = next(labels, None)
        elif label is None or proof["record_id"] < label["record_id"]:
            report.add(LineageFault.LINE, f"record {proof['record_id']}: it has lineage, but no label")
            proof = next(lineage, None)
        else:
            _verify_label(report, _as_committed(label, manifest), proof, roots)
            pairs += 1
            label, proof = next(labels, None), next(lineage, None)
    if pairs != labels_file.records:
        words = f"{pairs} labels with lineage, and the manifest states {labels_file.records}"
        report.add(LineageFault.LINE, f"{labels_file.name}: {words}")


def _as_committed(label: Mapping[str, Any], manifest: ReleaseManifest) -> Mapping[str, Any]:
    """The label with its offsets in code points; as it is where they can't be read, which is no label of the chain."""
    unit = manifest.options.offset_unit
    if unit is OffsetUnit.CODE_POINTS:
        return label
    try:
        content = parse_fields(label["fields"])
        answers = to_code_points(manifest.label_schema.content, content, label["answers"], unit)
    except (KeyError, TypeError, ValueError, AttributeError):
        return label
    return {**label, "answers": answers}


def _verify_label(
    report: VerificationReport,
    label: Mapping[str, Any],
    content: Mapping[str, Any],
    roots: Mapping[int, SealedRoot | LineageFault],
) -> None:
    try:
        lineage = LabelLineage.parse(content)
    except (KeyError, TypeError, ValueError):
        report.add(LineageFault.ENTRY, f"record {label['record_id']}: its lineage can't be read")
        return
    faults = list(faults_of(label, lineage, roots))
    for one in faults:
        report.add(one.kind, one.words)
    report.labels += not faults


def _records(report: VerificationReport, release: DownloadedRelease, name: str) -> Iterator[dict[str, Any]]:
    """Return the lines that are objects with a record's id, in order; others are faults."""
    last = ""
    for number, line in _lines(report, release, name):
        record_id = None
        try:
            content = orjson.loads(line)
            record_id = str(UUID(content["record_id"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            pass
        if record_id is None:
            report.add(LineageFault.LINE, f"line {number} of {name} is none of a record")
        elif record_id <= last:
            what = "stands there twice" if record_id == last else "is out of order"
            report.add(LineageFault.LINE, f"record {record_id}: it {what}, line {number} of {name}")
        else:
            last = record_id
            yield content


def _lines(report: VerificationReport, release: DownloadedRelease, name: str) -> Iterator[tuple[int, bytes]]:
    """Return the lines with their numbers, none of a missing file: that is a fault of its own."""
    with suppress(KeyError):
        for number, line in enumerate(release.lines(name), start=1):
            if line is None:
                report.add(LineageFault.LINE, f"line {number} of {name} has more than {MOST_LINE_BYTES} bytes")
            else:
                yield number, line


def _verify_continuity(
    report: VerificationReport, manifest: ReleaseManifest, hashes: Mapping[int, bytes], previous: DownloadedRelease
) -> None:
    """Every seal of the previous release is one of this release: nothing that was sealed then is missing or another one."""
    before = _manifest(previous)
    if before.project_id != manifest.project_id:
        report.add(LineageFault.CONTINUITY, "the previous release is of another project")
        return
    ignored = VerificationReport()
    for seal in _seals(ignored, previous, before.lineage.seals.name, before.project_id):
        if hashes.get(seal.number) != seal.hash:
            report.add(LineageFault.CONTINUITY, f"seal {seal.number} is another one than in the previous release")


def _bytes(text: Any) -> bytes:
    """Bytes of hexadecimal digits, none where it is not that: then no signature verifies."""
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):
        return b""
