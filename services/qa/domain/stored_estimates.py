"""Estimates as they are kept: one document for all and one by annotator, opaque to everybody but the question's kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from services.qa.domain.estimate_changes import moved
from services.qa.domain.estimates import Estimates, Facets
from services.qa.domain.vote_scores import VoteScores
from services.qa.domain.votes import ItemVotes

_OF_A_VOTER = ("answers", "accuracies", "confusions", "subtype_confusions")
"""In this order; what is kept of a voter may end earlier, for the last was added later."""
_FIRST_VERSION = 1


class Reliability(NamedTuple):
    """An annotator's accuracy in [0, 1], shrunk and balanced over classes where there are classes, and the answers it rests on."""

    accuracy: float
    answers: int


@dataclass(frozen=True, slots=True)
class StoredEstimates:
    """One question's estimates as JSON: what holds for all (with its kind and version), and by voter what holds for them."""

    shared: Mapping[str, Any]
    voters: dict[str, Mapping[str, Any]]

    @classmethod
    def of(
        cls, kind: str, version: int, shared: Mapping[str, Any], voters: Mapping[str, Mapping[str, Any]]
    ) -> "StoredEstimates":
        """The parts of a kind's estimates in the form that this version of it writes."""
        return cls({"kind": kind, "version": version, "content": shared}, {**voters})

    def content(self, kind: str, version: int) -> Mapping[str, Any] | None:
        """What holds for all; None when it was written by another kind or version.

        What was kept before documents had a version is of the first one.
        """
        if not isinstance(self.shared.get("version"), int):
            return self.shared if version == _FIRST_VERSION else None
        is_own = (self.shared["kind"], self.shared["version"]) == (kind, version)
        return self.shared["content"] if is_own else None


class EstimatedByFacets:
    """What the kinds share whose estimates are `Facets`: classes by facet, a confusion of each annotator.

    `NAME` and `VERSION` go into what is kept; a new form of it is a new version, and older ones count as unknown until
    the next estimation.
    """

    NAME: str
    VERSION = _FIRST_VERSION

    def unknown(self) -> Facets:
        """Estimates before anything was estimated."""
        raise NotImplementedError

    def to_stored(self, estimates: Facets) -> StoredEstimates:
        """For storage; the inverse is `from_stored`."""
        shared: dict[str, Any] = {}
        voters: dict[str, dict[str, Any]] = {}
        for facet, one in estimates.items():
            stored: Any = one.to_json()
            shared[facet] = {
                name: value for name, value in stored.items() if name != "voters" and name not in _OF_A_VOTER
            }
            for place, voter in enumerate(stored["voters"]):
                voters.setdefault(voter, {})[facet] = [
                    None if stored[name] is None else stored[name][place] for name in _OF_A_VOTER
                ]
        return StoredEstimates.of(self.NAME, self.VERSION, shared, voters)

    def from_stored(self, parts: StoredEstimates) -> Facets:
        """Estimates as if these voters were all there are; whoever is missing is served by the pool."""
        shared = parts.content(self.NAME, self.VERSION)
        if shared is None:
            return self.unknown()
        whole: dict[str, Estimates] = {}
        for facet, common in shared.items():
            known = {voter: facets[facet] for voter, facets in parts.voters.items() if facet in facets}
            stored: dict[str, Any] = {**common, "voters": list(known)}
            for place, name in enumerate(_OF_A_VOTER):
                has_none = name == "confusions" and common.get("pool") is None
                kept = [of_voter[place] if place < len(of_voter) else None for of_voter in known.values()]
                stored[name] = None if has_none else kept
            whole[facet] = Estimates.from_json(stored)
        return whole

    def moved(self, before: StoredEstimates | None, after: StoredEstimates) -> bool:
        """Whether what holds for everybody differs much; single annotators are left out."""
        known = self.unknown() if before is None else self.from_stored(StoredEstimates(before.shared, {}))
        return moved(known, self.from_stored(StoredEstimates(after.shared, {})))

    def reliability(self, estimates: Facets, voter: str) -> Reliability:
        """The mean over the facets, by answers, of the annotator's shrunk balanced accuracy."""
        answers = [one.answered(voter) for one in estimates.values()]
        total = sum(answers)
        weighed = sum(one.diagonal(voter) * count for one, count in zip(estimates.values(), answers, strict=True))
        return Reliability(weighed / total if total else 1.0, total)

    def vote_scores(self, items: Sequence[ItemVotes], estimates: Facets) -> VoteScores | None:
        """None: an answer is not one of a few classes."""
        del items, estimates
        return None
