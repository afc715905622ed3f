"""Estimates between their two forms: whole, as a fit leaves them, and in parts, one for all and one by annotator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.qa.domain.kinds import QuestionEstimates, estimates_from_json, estimates_to_json

_OF_A_VOTER = ("answers", "accuracies", "confusions")


@dataclass(frozen=True, slots=True)
class EstimateParts:
    """One question's estimates as JSON: by facet what holds for all, and by voter what holds for them by facet."""

    shared: Mapping[str, Any]
    voters: dict[str, Mapping[str, Any]]


def take_apart(whole: QuestionEstimates) -> EstimateParts:
    """What holds for all by facet, and for each voter what holds for it by facet."""
    shared: dict[str, Any] = {}
    voters: dict[str, dict[str, Any]] = {}
    for facet, content in estimates_to_json(whole).items():
        stored: Any = content
        shared[facet] = {name: value for name, value in stored.items() if name != "voters" and name not in _OF_A_VOTER}
        for place, voter in enumerate(stored["voters"]):
            voters.setdefault(voter, {})[facet] = [
                None if stored[name] is None else stored[name][place] for name in _OF_A_VOTER
            ]
    return EstimateParts(shared, {**voters})


def put_together(parts: EstimateParts) -> QuestionEstimates:
    """Estimates as if these voters were all there are; whoever is missing is served by the pool."""
    whole: dict[str, Any] = {}
    for facet, common in parts.shared.items():
        known = {voter: facets[facet] for voter, facets in parts.voters.items() if facet in facets}
        whole[facet] = {**common, "voters": list(known)}
        for place, name in enumerate(_OF_A_VOTER):
            column = [of_voter[place] for of_voter in known.values()]
            has_none = name == "confusions" and common.get("pool") is None
            whole[facet][name] = None if has_none else column
    return estimates_from_json(whole)
