"""Who drew which object of which record, as flat arrays: one record, or all of a project."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.qa.domain.arrays import Flags, Floats, Integers
from services.qa.domain.regions import Clusters

_MOST_VERSIONS = 4
"""So many of the regions that one voter draws of one object are looked at."""


@dataclass(frozen=True, slots=True)
class RecordRegions:
    """The clusters of one record. `voters` (V): the place of each vote's voter among all.

    `with_truth`: the last answer of the clusters is the truth, and no vote.
    """

    clusters: Clusters
    voters: Integers
    with_truth: bool = False


@dataclass(frozen=True, slots=True)
class RegionVotes:
    """R records with O objects. A *seat* (S) is a voter of a record; a *cell* (C) is a seat before an object of its record.

    `seat_records`, `seat_voters`; `records` (O) the record of each object; `cell_objects`, `cell_voters`,
    `cell_seats` and `marked` (C): whether the voter drew the object. `truth` (O): 1 an object, 0 none, -1 not known;
    `is_known` (R). A *member* (M) is a region drawn: `member_objects` ascending, `member_voters` (`voter_count` for
    the truth), `member_labels` (places in `labels`), `member_extents` (M, d), `member_weights`: a voter counts once an
    object.
    """

    voter_count: int
    seat_records: Integers
    seat_voters: Integers
    records: Integers
    cell_objects: Integers
    cell_voters: Integers
    cell_seats: Integers
    marked: Flags
    truth: Integers
    is_known: Flags
    labels: tuple[str, ...]
    member_objects: Integers
    member_voters: Integers
    member_labels: Integers
    member_extents: Floats
    member_weights: Floats

    @property
    def record_count(self) -> int:
        """R."""
        return len(self.is_known)

    @property
    def object_count(self) -> int:
        """O."""
        return len(self.records)

    @classmethod
    def of(cls, records: Sequence[RecordRegions], voter_count: int) -> "RegionVotes":
        """Flatten; objects are numbered record by record."""
        names = {
            label: at for at, label in enumerate(sorted({n for one in records for n in one.clusters.group_labels}))
        }
        parts = [_flattened(one, voter_count, names) for one in records]
        objects = np.array([len(part.truth) for part in parts], np.int64)
        seats = np.array([len(one.voters) for one in records], np.int64)
        first_object, first_seat = np.cumsum(objects) - objects, np.cumsum(seats) - seats
        cells, members = objects * seats, np.array([len(part.objects) for part in parts], np.int64)
        cell_seats = _joined([part.cell_seats for part in parts], np.int64) + np.repeat(first_seat, cells)
        seat_voters = _joined([one.voters for one in records], np.int64)
        width = max((one.clusters.extents.shape[1] for one in records), default=1)
        extents = [part.extents for part in parts if len(part.extents)]
        return cls(
            voter_count=voter_count,
            seat_records=np.repeat(np.arange(len(records)), seats),
            seat_voters=seat_voters,
            records=np.repeat(np.arange(len(records)), objects),
            cell_objects=_joined([part.cell_objects for part in parts], np.int64) + np.repeat(first_object, cells),
            cell_voters=seat_voters[cell_seats],
            cell_seats=cell_seats,
            marked=_joined([part.marked for part in parts], np.bool_),
            truth=_joined([part.truth for part in parts], np.int64),
            is_known=np.array([one.with_truth for one in records], np.bool_),
            labels=tuple(names),
            member_objects=_joined([part.objects for part in parts], np.int64) + np.repeat(first_object, members),
            member_voters=_joined([part.voters for part in parts], np.int64),
            member_labels=_joined([part.labels for part in parts], np.int64),
            member_extents=np.concatenate(extents) if extents else np.zeros((0, width)),
            member_weights=_joined([part.weights for part in parts], np.float64),
        )

    def of_members(self, kept: Flags) -> "RegionVotes":
        """The same with the members (M) that are kept."""
        return replace(
            self,
            member_objects=self.member_objects[kept],
            member_voters=self.member_voters[kept],
            member_labels=self.member_labels[kept],
            member_extents=self.member_extents[kept],
            member_weights=self.member_weights[kept],
        )

    def of_objects(self, per_member: Floats) -> Floats:
        """(M) -> (O): the sum over the members of each object."""
        return np.asarray(np.bincount(self.member_objects, per_member, self.object_count), np.float64)

    def of_voters(self, per_member: Floats) -> Floats:
        """(M) -> (V): the sum over the members of each voter, the truth left out."""
        found = np.bincount(self.member_voters, per_member, self.voter_count + 1)
        return np.asarray(found[: self.voter_count], np.float64)


@dataclass(frozen=True, slots=True)
class _Part:
    cell_objects: Integers
    cell_seats: Integers
    marked: Flags
    truth: Integers
    objects: Integers
    voters: Integers
    labels: Integers
    extents: Floats
    weights: Floats


def _flattened(record: RecordRegions, voter_count: int, names: dict[str, int]) -> _Part:
    clusters = record.clusters
    drew = clusters.objects_marked
    marked, truth = drew, np.full(len(drew), -1, np.int64)
    voters = record.voters
    if record.with_truth:
        marked, truth, voters = drew[:, :-1], drew[:, -1].astype(np.int64), np.append(voters, voter_count)
    kept, objects, weights = _versions(clusters, drew.shape[1])
    codes = np.array([names[label] for label in clusters.group_labels], np.int64)
    return _Part(
        cell_objects=np.repeat(np.arange(len(drew)), marked.shape[1]),
        cell_seats=np.tile(np.arange(marked.shape[1]), len(drew)),
        marked=marked.ravel(),
        truth=truth,
        objects=objects,
        voters=voters[clusters.votes[kept]],
        labels=codes[clusters.groups[kept]],
        extents=clusters.extents[kept],
        weights=weights,
    )


def _versions(clusters: Clusters, vote_count: int) -> tuple[Integers, Integers, Floats]:
    """Members by object and vote, at most `_MOST_VERSIONS` of each vote; their objects, and 1 over how many are kept."""
    objects = clusters.objects[clusters.groups]
    order = np.lexsort((np.arange(len(objects)), clusters.votes, objects))
    pair = objects[order] * vote_count + clusters.votes[order]
    starts = np.flatnonzero(np.diff(pair, prepend=-1)) if len(pair) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(starts, len(pair)))
    rank = np.arange(len(pair)) - np.repeat(starts, sizes)
    few = rank < _MOST_VERSIONS
    weights = 1.0 / np.repeat(np.minimum(sizes, _MOST_VERSIONS), sizes)
    return order[few], objects[order][few], weights[few]


def _joined(parts: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(parts).astype(kind, copy=False) if parts else np.zeros(0, kind)
