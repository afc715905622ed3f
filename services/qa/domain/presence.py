"""Whether an object that some annotators drew is really there: a two-class item of Dawid-Skene.

Whoever did not draw it voted for its absence, so an annotator has a sensitivity and a specificity. The kinds whose
answers are sets of regions (spans, boxes) share this.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.qa.domain.arrays import Flags, Floats, Integers
from services.qa.domain.estimates import Estimates, VoteArrays, estimate
from services.qa.domain.geometry import Shape
from services.qa.domain.regions import Clusters, Regions, cluster
from services.qa.domain.votes import STRANGER, TIE, Answer, ItemVotes, VoteOutcome

ABSENT, PRESENT = "absent", "present"
UNKNOWN_SENSITIVITY = 0.88
UNKNOWN_SPECIFICITY = 0.97
"""A stranger misses one object in eight and seldom draws, by chance, what another draws by chance too: one drawing alone
has posterior .96, two that agree .998, two strangers who both find nothing .98, one drawing of two .77."""

_LEAST_WEIGHT, _LEAST_ACCURACY, _MOST_ACCURACY = 0.01, 0.5, 0.99

RegionsOf = Callable[[Answer], Regions]


def unknown() -> Estimates:
    """Presence and absence before any estimate."""
    pool = np.array([[UNKNOWN_SPECIFICITY, 1 - UNKNOWN_SPECIFICITY], [1 - UNKNOWN_SENSITIVITY, UNKNOWN_SENSITIVITY]])
    return replace(Estimates.unknown((ABSENT, PRESENT), UNKNOWN_SENSITIVITY), pool=pool)


@dataclass(frozen=True, slots=True)
class PresenceEvidence:
    """The votes of one record as evidence for an object: log odds of its presence.

    `prior` before any vote; `drawn` and `missing` (V) by who drew it and who did not. `accuracies` (V): each voter's
    shrunk balanced accuracy.
    """

    prior: float
    drawn: Floats
    missing: Floats
    accuracies: Floats

    @classmethod
    def of(cls, voters: Sequence[str], estimates: Estimates) -> "PresenceEvidence":
        absent, present = (
            np.log(np.array([estimates.likelihood(voter, answered) for voter in voters]).reshape(-1, 2))
            for answered in (0, 1)
        )
        prior = estimates.log_prior(None)
        return cls(
            prior=float(prior[1] - prior[0]),
            drawn=present[:, 1] - present[:, 0],
            missing=absent[:, 1] - absent[:, 0],
            accuracies=np.array([estimates.diagonal(voter) for voter in voters]),
        )

    def presence(self, marked: Flags) -> Floats:
        """(..., V) who drew it -> (...) the probability that it is there."""
        return _sigmoid(self.prior + np.where(marked, self.drawn, self.missing).sum(axis=-1))

    def nothing(self) -> float:
        """P(there is nothing | nobody drew anything): as if one object had been missed by all."""
        return 1.0 - float(self.presence(np.zeros(len(self.missing), np.bool_)))


@dataclass(frozen=True, slots=True)
class WeighedObjects:
    """The objects of a record as its votes have them.

    `chances` (O): P(it is there). `labels` (O): the likeliest of each, of equally likely ones the first by name;
    `label_chances` (O) its probability, 1 where nobody disagrees. `tied` (O): presence, label or number stands at even
    votes. `weights` (M): how much each member's version of its object counts; a voter counts once per object.
    """

    clusters: Clusters
    chances: Floats
    labels: Sequence[str]
    label_chances: Floats
    tied: Flags
    weights: Floats

    @property
    def confidence(self) -> float:
        """Of the least sure object: P(it is there and so named), or P(it is not there)."""
        there = np.minimum(self.chances, self.label_chances)
        return float(np.where(self.chances > 0.5, there, 1.0 - self.chances).min(initial=1.0))  # noqa: PLR2004

    @property
    def members(self) -> list[Integers]:
        """By object, the places of its members."""
        of_member = self.clusters.objects[self.clusters.groups]
        order = np.argsort(of_member, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(of_member[order])) + 1)


def objects_of(clusters: Clusters, evidence: PresenceEvidence, label_count: int) -> WeighedObjects:
    """Weigh the votes on each object of a record, of which there is at least one.

    Where its label is disputed, each voter is taken to name it rightly with their balanced accuracy, and wrongly with
    any of the other `label_count` - 1 labels alike.
    """
    chances = evidence.presence(clusters.objects_marked)
    labels, label_chances, evenly = _labels(clusters, evidence, label_count)
    of_member = clusters.objects[clusters.groups]
    cell = of_member * clusters.marked.shape[1] + clusters.votes
    drawn_times = np.bincount(cell)[cell] if len(cell) else cell
    return WeighedObjects(
        clusters=clusters,
        chances=chances,
        labels=labels,
        label_chances=label_chances,
        tied=(np.abs(chances - 0.5) <= TIE) | evenly | clusters.doubtful,
        weights=np.maximum(evidence.accuracies, _LEAST_WEIGHT)[clusters.votes] / drawn_times,
    )


def _labels(clusters: Clusters, evidence: PresenceEvidence, label_count: int) -> tuple[list[str], Floats, Flags]:
    marks_of: list[dict[str, Flags]] = [{} for _ in range(len(clusters.doubtful))]
    for group, at in enumerate(clusters.objects.tolist()):
        label = clusters.group_labels[group]
        before = marks_of[at].get(label)
        marks_of[at][label] = clusters.marked[group] if before is None else before | clusters.marked[group]
    chances, evenly = np.ones(len(marks_of)), np.zeros(len(marks_of), np.bool_)
    labels: list[str] = []
    accuracy = np.clip(evidence.accuracies, _LEAST_ACCURACY, _MOST_ACCURACY)
    right, wrong = np.log(accuracy), np.log((1.0 - accuracy) / max(label_count - 1, 1))
    for at, marks in enumerate(marks_of):
        names = sorted(marks)
        labels.append(names[0])
        if len(names) > 1:
            marked = np.array([marks[name] for name in names])
            voted = marked.any(axis=0)
            scores = np.where(marked, right, np.where(voted, wrong, 0.0)).sum(axis=1)
            others = max(label_count - len(names), 0) * np.exp(wrong[voted].sum() - scores.max())
            shares = np.exp(scores - scores.max())
            shares /= shares.sum() + others
            best = np.flatnonzero(shares >= shares.max() - TIE)
            labels[-1], chances[at], evenly[at] = names[int(best[0])], shares[best[0]], len(best) > 1
    return labels, chances, evenly


def estimate_presence(items: Sequence[ItemVotes], regions_of: RegionsOf, shape: Shape, at_least: float) -> Estimates:
    """Estimate sensitivities and specificities over the groups of all items.

    Truth is clamped where it is known, and what it holds and nobody drew counts as missed by all.
    """
    names: dict[str, int] = {}
    voters: list[Integers] = []
    marks: list[Flags] = []
    clamps: list[Integers] = []
    for item in items:
        answers = [regions_of(vote.answer) for vote in item.votes]
        truth = [] if item.truth is None else [regions_of(item.truth)]
        marked = cluster([*answers, *truth], shape, at_least, last_is_true=bool(truth)).marked
        who = np.array([names.setdefault(vote.voter, len(names)) for vote in item.votes], np.int64)
        voters.append(np.tile(who, len(marked)))
        marks.append(marked[:, : len(answers)].ravel())
        clamps.append(marked[:, -1].astype(np.int64) if truth else np.full(len(marked), -1, np.int64))
    per_group = np.repeat([len(item.votes) for item in items], [len(known) for known in clamps]).astype(np.int64)
    coded = VoteArrays(
        items=np.repeat(np.arange(len(per_group)), per_group),
        voters=np.concatenate(voters) if voters else np.zeros(0, np.int64),
        classes=np.concatenate(marks).astype(np.int64) if marks else np.zeros(0, np.int64),
        item_count=len(per_group),
        voter_names=tuple(names),
        clamps=np.concatenate(clamps) if clamps else np.zeros(0, np.int64),
    )
    return estimate(unknown(), coded)


def outcomes(
    items: Sequence[ItemVotes],
    regions_of: RegionsOf,
    shape: Shape,
    at_least: float,
    estimates: Estimates,
    hit: Callable[[Answer, Answer], bool],
) -> list[list[VoteOutcome]]:
    """How right each vote is: by the truth if known, else the expected share of an item's groups that it is right about.

    The vote itself counts as a stranger's, as in `class_votes.leave_one_out`.
    """
    stranger = PresenceEvidence.of([STRANGER], estimates)
    found: list[list[VoteOutcome]] = []
    for item in items:
        if item.truth is not None:
            truth = item.truth
            found.append([VoteOutcome(float(hit(vote.answer, truth)), 1.0) for vote in item.votes])
            continue
        marked = cluster([regions_of(vote.answer) for vote in item.votes], shape, at_least).marked
        evidence = PresenceEvidence.of([vote.voter for vote in item.votes], estimates)
        weight = float(len(item.votes) > 1)
        found.append([VoteOutcome(share, weight) for share in _shares_right(marked, evidence, stranger)])
    return found


def _shares_right(marked: Flags, evidence: PresenceEvidence, stranger: PresenceEvidence) -> list[float]:
    """(G, V) -> V: the mean probability that a vote is right about a group; of no groups, that there is nothing."""
    if not len(marked):
        marked = np.zeros((1, marked.shape[1]), np.bool_)
    own = np.where(marked, evidence.drawn, evidence.missing)
    as_stranger = np.where(marked, stranger.drawn, stranger.missing)
    chances = _sigmoid(evidence.prior + own.sum(axis=1, keepdims=True) - own + as_stranger)
    shares: list[float] = np.where(marked, chances, 1.0 - chances).mean(axis=0).tolist()
    return shares


def _sigmoid(log_odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -700.0, 700.0))), np.float64)
