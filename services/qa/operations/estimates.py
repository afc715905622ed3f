"""Estimates between their two forms: whole, as a fit leaves them, and by annotator, as they lie in the tables."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.qa.domain.kinds import QuestionEstimates, estimates_from_json, estimates_to_json
from services.qa.storage import annotators
from shared.kit.database import Session

_OF_A_VOTER = ("answers", "accuracies", "confusions")


def take_apart(estimates: QuestionEstimates) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What holds for all by facet, and for each voter what holds for it by facet."""
    shared: dict[str, Any] = {}
    voters: dict[str, dict[str, Any]] = {}
    for facet, whole in estimates_to_json(estimates).items():
        stored: Any = whole
        shared[facet] = {name: value for name, value in stored.items() if name != "voters" and name not in _OF_A_VOTER}
        for place, voter in enumerate(stored["voters"]):
            voters.setdefault(voter, {})[facet] = [
                None if stored[name] is None else stored[name][place] for name in _OF_A_VOTER
            ]
    return shared, voters


def put_together(shared: Mapping[str, Any], voters: Mapping[str, Mapping[str, Any]]) -> QuestionEstimates:
    """Estimates as if these voters were all there are; whoever is missing is served by the pool."""
    whole: dict[str, Any] = {}
    for facet, common in shared.items():
        known = {voter: parts[facet] for voter, parts in voters.items() if facet in parts}
        whole[facet] = {**common, "voters": list(known)}
        for place, name in enumerate(_OF_A_VOTER):
            column = [parts[place] for parts in known.values()]
            has_none = name == "confusions" and common.get("pool") is None
            whole[facet][name] = None if has_none else column
    return estimates_from_json(whole)


async def load(
    session: Session, project_id: UUID, schema_version: int, voters: Sequence[str]
) -> dict[str, QuestionEstimates]:
    """What is known of these voters, by question; a question that was never estimated is missing."""
    stored = await annotators.estimates(session, project_id, schema_version, voters)
    return {question: put_together(one.shared, one.voters) for question, one in stored.items()}
