"""The methods by which votes for classes are weighed, which of them was chosen on what evidence, and EBCC's subtypes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import numpy as np

from services.qa.domain.arrays import Floats, Integers


class Method(StrEnum):
    """How votes for classes are weighed, the simplest first."""

    MAJORITY = "majority"
    ONE_COIN = "one_coin"
    DAWID_SKENE = "dawid_skene"
    EBCC = "ebcc"


class Basis(StrEnum):
    """What the choice of a method rests on."""

    DEFAULT = "default"
    VOTES = "held_out_votes"
    GOLD = "gold"


@dataclass(frozen=True, slots=True)
class MethodSelection:
    """Which method weighs the votes and why.

    `evidence`: by method its score, in nats per held-out vote or gold item, higher is better; empty where nothing was
    compared. `margin`: how much better the chosen one scored than the best other, with its standard error
    `margin_error`; negative where the default was kept because the difference is within chance.
    """

    method: Method = Method.DAWID_SKENE
    basis: Basis = Basis.DEFAULT
    evidence: Mapping[str, float] = field(default_factory=dict)
    margin: float | None = None
    margin_error: float | None = None

    def to_json(self) -> dict[str, Any]:
        """For a jsonb column; numbers to six digits."""
        return {
            "method": self.method.value,
            "basis": self.basis.value,
            "evidence": {name: round(value, 6) for name, value in self.evidence.items()},
            "margin": None if self.margin is None else round(self.margin, 6),
            "margin_error": None if self.margin_error is None else round(self.margin_error, 6),
        }

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """The inverse of `to_json`; None stands for what was stored before there was a choice."""
        if stored is None:
            return cls()
        return cls(
            Method(stored["method"]),
            Basis(stored["basis"]),
            stored["evidence"],
            stored["margin"],
            stored["margin_error"],
        )


@dataclass(frozen=True, eq=False)
class Subtypes:
    """The subtypes of items that EBCC found.

    `classes` (L): the class of each; `weights` (L): its share of the class. `confusions` (W, L, K): [w, subtype,
    answered]; `pool` (L, K) serves whoever has none.
    """

    classes: Integers
    weights: Floats
    confusions: Floats
    pool: Floats

    def to_json(self) -> dict[str, Any]:
        """What holds for all annotators."""
        content = {
            "classes": self.classes.tolist(),
            "weights": np.round(self.weights, 6).tolist(),
            "pool": np.round(self.pool, 6).tolist(),
        }
        return {**content, "digest": _digest(content)}

    def confusions_to_json(self) -> list[dict[str, Any]]:
        """By annotator, with the digest of the subtypes that they are of: another estimation finds others."""
        digest = self.to_json()["digest"]
        return [{"of": digest, "confusion": rows} for rows in np.round(self.confusions, 6).tolist()]

    @classmethod
    def from_json(cls, stored: Any, of_voters: Sequence[Any]) -> Self:
        """Whoever's confusions are of other subtypes, or of none, is served by the pool."""
        pool = np.array(stored["pool"], np.float64)
        rows = [one["confusion"] if one and one["of"] == stored["digest"] else stored["pool"] for one in of_voters]
        return cls(
            classes=np.array(stored["classes"], np.int64),
            weights=np.array(stored["weights"], np.float64),
            confusions=np.array(rows, np.float64).reshape(-1, *pool.shape),
            pool=pool,
        )


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest()
