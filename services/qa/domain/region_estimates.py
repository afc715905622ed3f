"""What is estimated of annotators who draw regions, and how it is kept.

The kinds whose answers are sets of regions (spans, boxes) share this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from pydantic import JsonValue

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.stored_estimates import Reliability, StoredEstimates
from services.qa.domain.vote_scores import VoteScores
from services.qa.domain.votes import ItemVotes

_DIGITS = 6
_MOST_SUPPORT = 200.0
"""Objects that an annotator's rates stand for at most: from record to record people differ from themselves."""

_COLUMNS = ("sensitivity", "spurious", "naming", "edges")
_STRANGER_SUPPORT = 4.0
"""Objects that the rates of strangers stand for: what two of them agree on in all parts is then sure by .98."""


@dataclass(frozen=True, slots=True)
class RegionRates:
    """How V annotators draw, each an array of V.

    `sensitivity`: P(draws an object that is there). `spurious`: regions per record that are no object and that nobody
    else draws. `naming`: P(names an object rightly). `edges`: of spans P(an edge is exact), of boxes the standard
    deviation of a side in units of the box's size. `support`: the objects that this rests on.
    """

    sensitivity: Floats
    spurious: Floats
    naming: Floats
    edges: Floats
    support: Floats

    @classmethod
    def same(cls, count: int, row: Sequence[float], support: float) -> Self:
        """`count` annotators of whom the same is known: a row of sensitivity, spurious, naming, edges."""
        return cls.of_table(np.tile(np.array(row, np.float64), (count, 1)), np.full(count, support, np.float64))

    @classmethod
    def of_table(cls, table: Floats, support: Floats) -> Self:
        """The inverse of `table`."""
        return cls(
            sensitivity=table[:, 0], spurious=table[:, 1], naming=table[:, 2], edges=table[:, 3], support=support
        )

    def table(self) -> Floats:
        """(V, 4)."""
        return np.column_stack([getattr(self, name) for name in _COLUMNS])


@dataclass(frozen=True, slots=True)
class RegionEstimates:
    """The annotators of one project and question, and what they look at. Immutable; stored as JSON.

    `rates` and `answers` (votes of each) are in the order of `voters`; `pool` (4) serves whoever is not among them.
    A record holds a Poisson number of objects, whose mean is Gamma distributed over records with mean `objects` and
    shape `shape`. Beside them it holds `lookalikes` regions on average that are no object and mislead anybody alike.
    `overlooked`: how much oftener all miss an object than if they missed it independently. `decay`: of the chances that
    an inexact edge of a span is off by d + 1 and by d characters, the ratio.
    """

    voters: Mapping[str, int]
    answers: Integers
    rates: RegionRates
    pool: Floats
    objects: float
    shape: float
    lookalikes: float
    overlooked: float = 1.0
    decay: float = 0.5

    @classmethod
    def unknown(cls, edges: float) -> Self:
        """Before any estimate.

        A stranger misses one object in ten and draws three regions in a hundred objects that are none: one region that
        one of one draws is an object with .97, that two draw alike with .998, that one of two draws with about .7.
        """
        return cls(
            voters={},
            answers=np.zeros(0, np.int64),
            rates=RegionRates.same(0, (0, 0, 0, 0), 0),
            pool=np.array([0.9, 0.06, 0.96, edges]),
            objects=2.0,
            shape=1.0,
            lookalikes=0.01,
        )

    def of(self, voters: Sequence[str]) -> RegionRates:
        """The rates of these, in this order; the pool's for whoever is not known."""
        places = np.array([self.voters.get(name, -1) for name in voters], np.int64)
        table = np.concatenate([self.rates.table(), self.pool[None]])[places]
        support = np.append(self.rates.support, _STRANGER_SUPPORT)[places]
        return RegionRates.of_table(table, np.minimum(support, _MOST_SUPPORT))

    def reliability(self, voter: str) -> Reliability:
        """The expected F1 of the annotator's regions with their labels, and the answers that it rests on."""
        one = self.of([voter])
        found = float(one.sensitivity[0]) * self.objects
        f1 = 2.0 * found * float(one.naming[0]) / (self.objects + found + float(one.spurious[0]))
        at = self.voters.get(voter)
        return Reliability(f1, 0 if at is None else int(self.answers[at]))

    def shared_json(self) -> dict[str, JsonValue]:
        """What holds for all."""
        stored: dict[str, Any] = {"pool": np.round(self.pool, _DIGITS).tolist()}
        for name in ("objects", "shape", "lookalikes", "overlooked", "decay"):
            stored[name] = round(float(getattr(self, name)), _DIGITS)
        return stored

    def voters_json(self) -> dict[str, Any]:
        """What holds for each: answers, support and the four rates."""
        table = np.round(np.column_stack([self.rates.support, self.rates.table()]), _DIGITS).tolist()
        return {name: {"answers": int(self.answers[at]), "rates": table[at]} for name, at in self.voters.items()}

    @classmethod
    def from_json(cls, shared: Mapping[str, Any], voters: Mapping[str, Mapping[str, Any]]) -> Self:
        """The inverse, for the voters that are given."""
        table = np.array([one["rates"] for one in voters.values()], np.float64).reshape(-1, 5)
        rest = {name: float(value) for name, value in shared.items() if name != "pool"}
        return cls(
            voters={name: at for at, name in enumerate(voters)},
            answers=np.array([one["answers"] for one in voters.values()], np.int64),
            rates=RegionRates.of_table(table[:, 1:], table[:, 0]),
            pool=np.array(shared["pool"], np.float64),
            **rest,
        )


class EstimatedByRegions:
    """What the kinds share whose estimates are `RegionEstimates`.

    Version 1 held a confusion of presence and absence that was estimated on regions that somebody had drawn: it says
    nothing of how seldom anybody draws what is not there, so it counts as unknown until the next estimation.
    """

    NAME: str
    VERSION = 2

    def unknown(self) -> RegionEstimates:
        """Estimates before anything was estimated."""
        raise NotImplementedError

    def to_stored(self, estimates: RegionEstimates) -> StoredEstimates:
        """For storage; the inverse is `from_stored`."""
        return StoredEstimates.of(self.NAME, self.VERSION, estimates.shared_json(), estimates.voters_json())

    def from_stored(self, parts: StoredEstimates) -> RegionEstimates:
        """Estimates as if these voters were all there are; `unknown` where another version wrote them."""
        shared = parts.content(self.NAME, self.VERSION)
        return self.unknown() if shared is None else RegionEstimates.from_json(shared, parts.voters)

    def moved(self, before: StoredEstimates | None, after: StoredEstimates) -> bool:
        """No: to compare regions again takes long, and the next vote comes anyway."""
        del before, after
        return False

    def reliability(self, estimates: RegionEstimates, voter: str) -> Reliability:
        """The expected F1 of an annotator's answer."""
        return estimates.reliability(voter)

    def vote_scores(self, items: Sequence[ItemVotes], estimates: RegionEstimates) -> VoteScores | None:
        """None: an answer is not one of a few classes."""
        del items, estimates
        return None
