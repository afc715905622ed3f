"""What estimation leaves behind: enough to weigh the votes of one record in microseconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from pydantic import JsonValue

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.calibration import DEFAULT, Calibration
from services.qa.domain.consensus_methods import Method, MethodSelection, Subtypes
from services.qa.domain.dawid_skene import STRENGTH, clip_prior, fit, one_coin, softmax
from services.qa.domain.one_coin import fit_one_coin
from services.qa.domain.stopping import NextVote
from services.qa.domain.votes import STRANGER

UNKNOWN_ACCURACY = 0.85
"""How often a stranger is right. With ten classes one answer then has posterior .85 and two that agree .997; with two
classes two that agree have .97, so that a target of .98 takes three."""

POOL_STRENGTH = 1.0
"""How many annotators of `UNKNOWN_ACCURACY` the pool starts with."""

LAPSE = 0.02
"""The share of every annotator's answers that is taken to be a slip to a random class, whatever was estimated.

Dawid-Skene posteriors are over-confident: annotators err together on hard items, which the model does not know. The
lapse bounds the weight of a single answer (likelihood ratio at most K (1 - LAPSE) / LAPSE + 1)."""

LEAST_OVERLAP = 10
"""Without so many items on which two sources speak, EM would only echo the majority class: nothing is estimated."""

MOST_CLASSES_FOR_CONFUSION = 64
"""Above this a K x K confusion per annotator is neither learnable nor storable: one-coin accuracies are used."""


@dataclass(frozen=True, eq=False)
class Estimates:
    """The annotators of one project and one facet of a question. Immutable; stored as JSON.

    `accuracies` (W) and `confusions` (W, K, K) are in the order of `voters`; `confusions` and `pool` (K, K; serves
    whoever is not in `voters`) are None where there are too many classes: then errors fall on all classes alike.
    `selection` says by which method votes are weighed; annotators are described by the same numbers under each.
    `subtypes` is there under EBCC alone, its confusions in the order of `voters`.
    `calibration` turns a posterior into how often such an answer is right.
    """

    classes: tuple[str, ...]
    class_prior: Floats
    voters: Mapping[str, int]
    answers: Integers
    accuracies: Floats
    confusions: Floats | None
    pool: Floats | None
    pool_accuracy: float
    selection: MethodSelection = field(default_factory=MethodSelection)
    subtypes: Subtypes | None = None
    calibration: Calibration = DEFAULT
    _index: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {name: at for at, name in enumerate(self.classes)})

    @classmethod
    def unknown(cls, classes: Sequence[str], accuracy: float = UNKNOWN_ACCURACY) -> Self:
        """Before anything is known: a flat class prior and a pool right with `accuracy`."""
        count = len(classes)
        small = count <= MOST_CLASSES_FOR_CONFUSION
        return cls(
            classes=tuple(classes),
            class_prior=np.full(count, 1.0 / count),
            voters={},
            answers=np.zeros(0, np.int64),
            accuracies=np.zeros(0),
            confusions=np.zeros((0, count, count)) if small else None,
            pool=one_coin(np.array([accuracy]), count)[0] if small else None,
            pool_accuracy=accuracy,
        )

    def index(self, label: JsonValue) -> int | None:
        """The position of a class, None when it is not one."""
        return self._index.get(label) if isinstance(label, str) else None

    def indices(self, labels: Sequence[JsonValue]) -> Integers:
        """The position of each class, -1 for what is none."""
        known = self._index
        return np.array([known.get(label, -1) if isinstance(label, str) else -1 for label in labels], np.int64)

    def likelihood(self, voter: str, answered: int) -> Floats:
        """P(this annotator answers class `answered` | true class), lapse included; (K,), under EBCC by subtype (L,)."""
        count = len(self.classes)
        at = self.voters.get(voter)
        if self.subtypes is not None:
            column = (self.subtypes.pool if at is None else self.subtypes.confusions[at])[:, answered]
        elif self.selection.method is Method.DAWID_SKENE and self.confusions is not None and self.pool is not None:
            column = self.pool[:, answered] if at is None else self.confusions[at, :, answered]
        else:
            is_alike = at is None or self.selection.method is Method.MAJORITY
            accuracy = self.pool_accuracy if is_alike else float(self.accuracies[self.voters[voter]])
            column = np.full(count, (1.0 - accuracy) / max(count - 1, 1))
            column[answered] = accuracy
        return np.asarray((1.0 - LAPSE) * column + LAPSE / count, np.float64)

    def likelihoods(self, names: Sequence[str]) -> Floats:
        """(V + 1, L, K): P(answer | true class or subtype) of each annotator and last of a stranger, lapse included."""
        count = len(self.classes)
        rows = np.array([self.voters.get(name, len(self.voters)) for name in (*names, STRANGER)], np.int64)
        if self.subtypes is not None:
            known = np.concatenate([self.subtypes.confusions, self.subtypes.pool[None]])
        elif self.selection.method is Method.DAWID_SKENE and self.confusions is not None and self.pool is not None:
            known = np.concatenate([self.confusions, self.pool[None]])
        else:
            is_alike = self.selection.method is Method.MAJORITY
            own = np.full_like(self.accuracies, self.pool_accuracy) if is_alike else self.accuracies
            known = one_coin(np.append(own, self.pool_accuracy), count)
        return np.asarray((1.0 - LAPSE) * known[rows] + LAPSE / count, np.float64)

    def log_prior(self, prior: Mapping[str, float] | None) -> Floats:
        """Log of the model's clipped distribution, or of the class prior when there is none."""
        if prior is None:
            return np.log(self.class_prior)
        return np.asarray(np.log(clip_prior(np.array([prior.get(name, 0.0) for name in self.classes]))), np.float64)

    def posterior(self, votes: Sequence[tuple[str, str]], prior: Mapping[str, float] | None = None) -> Floats:
        """P(class | votes of one item), (K,). `votes`: (voter, class); unknown classes are ignored."""
        scores = self.by_subtype(self.log_prior(prior))
        columns = [
            self.likelihood(voter, answered)
            for voter, label in sorted(votes)
            if (answered := self.index(label)) is not None
        ]
        for column in columns:
            scores = scores + np.log(column)
        return self.by_class(softmax(scores))

    def calibrated(self, chances: Floats, votes: int, prior: Mapping[str, float] | None = None) -> Floats:
        """(K,) the chances of being right that belong to a `posterior` of so many votes with the same `prior`."""
        return self.calibration.apply(chances, votes, None if prior is None else self.log_prior(prior))

    def next_vote(self, best: int, chances: Floats, votes: int) -> NextVote:
        """How a stranger's vote would speak for class `best`, where `chances` (K,) is what so many votes say, as far as it counts."""
        column = self.likelihood(STRANGER, best)
        if self.subtypes is not None:
            weighed = self.subtypes.weights * column
            column = np.asarray(weighed @ np.eye(len(self.classes))[self.subtypes.classes], np.float64)
        others = np.delete(chances, best)
        wrong = np.delete(column, best)
        total = float(others.sum())
        if_wrong = float(others @ wrong) / total if total > 0.0 else float(wrong.mean()) if len(wrong) else 0.0
        return NextVote(float(column[best]), if_wrong).tempered(self.calibration.rate(votes + 1))

    def by_subtype(self, log_prior: Floats) -> Floats:
        """(..., K) log P(class) -> (..., L) log P(class, subtype); the same where there are no subtypes."""
        if self.subtypes is None:
            return log_prior
        return np.asarray(log_prior[..., self.subtypes.classes] + np.log(self.subtypes.weights), np.float64)

    def by_class(self, chances: Floats) -> Floats:
        """(..., L) P(class, subtype) -> (..., K) P(class); the same where there are no subtypes."""
        if self.subtypes is None:
            return chances
        return np.asarray(chances @ np.eye(len(self.classes))[self.subtypes.classes], np.float64)

    def diagonal(self, voter: str) -> float:
        """The mean of the annotator's confusion diagonal: shrunk balanced accuracy; the pool's for strangers."""
        at = self.voters.get(voter)
        if at is None:
            return self.pool_accuracy
        if self.confusions is None:
            return float(self.accuracies[at])
        return float(np.trace(self.confusions[at])) / len(self.classes)

    def answered(self, voter: str) -> int:
        """How many votes of this annotator the estimates rest on."""
        at = self.voters.get(voter)
        return 0 if at is None else int(self.answers[at])

    def to_json(self) -> dict[str, JsonValue]:
        """For a jsonb column; numbers to six digits."""
        stored: dict[str, Any] = {
            "classes": list(self.classes),
            "class_prior": _rounded(self.class_prior),
            "voters": list(self.voters),
            "answers": self.answers.tolist(),
            "accuracies": _rounded(self.accuracies),
            "confusions": None if self.confusions is None else _rounded(self.confusions),
            "pool": None if self.pool is None else _rounded(self.pool),
            "pool_accuracy": round(self.pool_accuracy, 6),
            "selection": self.selection.to_json(),
            "calibration": self.calibration.to_json(),
            "subtypes": None if self.subtypes is None else self.subtypes.to_json(),
            "subtype_confusions": None if self.subtypes is None else self.subtypes.confusions_to_json(),
        }
        return stored

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """The inverse of `to_json`; what was stored before there was a choice is Dawid-Skene."""
        count = len(stored["classes"])
        confusions, pool, subtypes = stored["confusions"], stored["pool"], stored.get("subtypes")
        return cls(
            classes=tuple(stored["classes"]),
            class_prior=np.array(stored["class_prior"], np.float64),
            voters={name: at for at, name in enumerate(stored["voters"])},
            answers=np.array(stored["answers"], np.int64),
            accuracies=np.array(stored["accuracies"], np.float64),
            confusions=None if confusions is None else np.array(confusions, np.float64).reshape(-1, count, count),
            pool=None if pool is None else np.array(pool, np.float64),
            pool_accuracy=float(stored["pool_accuracy"]),
            selection=MethodSelection.from_json(stored.get("selection")),
            calibration=Calibration.from_json(stored.get("calibration")),
            subtypes=None if subtypes is None else Subtypes.from_json(subtypes, stored["subtype_confusions"]),
        )


Facets = Mapping[str, Estimates]
"""Estimates by facet of a question: `choice` has one facet `""`, `multi_choice` one per label, spans and boxes one `""`
(present or absent)."""


@dataclass(frozen=True, slots=True)
class VoteArrays:
    """Votes of a facet as index arrays, ready for `fit`. `item_prior` and `clamps` as there."""

    items: Integers
    voters: Integers
    classes: Integers
    item_count: int
    voter_names: tuple[str, ...]
    item_prior: Floats | None = None
    clamps: Integers | None = None


@dataclass(frozen=True, slots=True)
class Tuning:
    """How Dawid-Skene is regularised: `strength` and `flattening` as in `dawid_skene.fit`."""

    strength: float = STRENGTH
    flattening: float = 0.0


UNTUNED = Tuning()


def estimate(unknown: Estimates, votes: VoteArrays, tuning: Tuning = UNTUNED) -> Estimates:
    """Estimate all annotators of a facet; with too little overlap `unknown` stays, else it starts the pool."""
    classes = unknown.classes
    count = len(classes)
    if _overlap(votes) < LEAST_OVERLAP:
        return unknown
    shape = (votes.item_count, len(votes.voter_names), count)
    names = {name: at for at, name in enumerate(votes.voter_names)}
    if count > MOST_CLASSES_FOR_CONFUSION:
        coins = fit_one_coin(votes.items, votes.voters, votes.classes, shape=shape, clamps=votes.clamps)
        return Estimates(
            classes=classes,
            class_prior=np.full(count, 1.0 / count),
            voters=names,
            answers=coins.answers,
            accuracies=coins.accuracies,
            confusions=None,
            pool=None,
            pool_accuracy=_pooled_accuracy(coins.accuracies, coins.answers, unknown.pool_accuracy),
        )
    fitted = fit(
        votes.items,
        votes.voters,
        votes.classes,
        shape=shape,
        item_prior=votes.item_prior,
        clamps=votes.clamps,
        strength=tuning.strength,
        flattening=tuning.flattening,
    )
    shares = (fitted.posteriors.sum(axis=0) + 1.0) / (votes.item_count + count)
    return Estimates(
        classes=classes,
        class_prior=(1.0 - tuning.flattening) * shares + tuning.flattening / count,
        voters=names,
        answers=fitted.answers,
        accuracies=fitted.coins,
        confusions=fitted.confusions,
        pool=None if unknown.pool is None else pooled(fitted.confusions, fitted.answers, unknown.pool),
        pool_accuracy=_pooled_accuracy(fitted.coins, fitted.answers, unknown.pool_accuracy),
    )


def _overlap(votes: VoteArrays) -> int:
    sources = np.bincount(votes.items, minlength=votes.item_count)
    if votes.item_prior is not None:
        sources = sources + ~np.isnan(votes.item_prior).any(axis=1)
    if votes.clamps is not None:
        sources = sources + (votes.clamps >= 0)
    return int((sources > 1).sum())


def _pool_weights(answers: Integers) -> Floats:
    return np.asarray(answers / (answers + 20.0), np.float64)


def pooled(confusions: Floats, answers: Integers, unknown: Floats) -> Floats:
    """(L, K): the mean of confusions (W, L, K), those of many answers weighing more, begun with what is taken of a stranger."""
    weights = _pool_weights(answers)
    total = POOL_STRENGTH * unknown + np.tensordot(weights, confusions, axes=1)
    return np.asarray(total / (POOL_STRENGTH + weights.sum()), np.float64)


def _pooled_accuracy(accuracies: Floats, answers: Integers, unknown_accuracy: float) -> float:
    weights = _pool_weights(answers)
    return float((POOL_STRENGTH * unknown_accuracy + weights @ accuracies) / (POOL_STRENGTH + weights.sum()))


def _rounded(values: Floats) -> Any:
    return np.round(values, 6).tolist()
