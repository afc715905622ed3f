"""Agreement of one project: what records contribute, and the coefficients of a question."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

from services.qa.domain import kinds
from services.qa.domain.agreement_coefficients import of_classes
from services.qa.domain.agreement_counts import (
    Contributions,
    CountedAnswer,
    PairCell,
    contributions_of,
    in_units,
    scale_of,
)
from services.qa.domain.class_tables import CountedPattern
from services.qa.domain.distance_agreement import SampledDistances, SampledRecord, of_distances
from services.qa.domain.pair_agreement import of_pair
from services.qa.domain.votes import Answer
from shared.contracts.answers import LabelSchema, Question


def contributions_of_all(
    schemas: Mapping[int, LabelSchema], given: Sequence[Sequence[CountedAnswer]]
) -> list[Contributions]:
    """What each record contributes."""
    return [contributions_of(schemas, one) for one in given]


def measure_classes(
    question: Question, patterns: Sequence[CountedPattern], cells: Sequence[tuple[PairCell, int]]
) -> dict[str, Any]:
    """What is stored of a question that chooses one class."""
    scale = scale_of(question)
    by_pair: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
    for cell, records in cells:
        by_pair.setdefault((cell.first_id, cell.second_id), {})[cell.first_label, cell.second_label] = records
    pairs = [of_pair(annotators, counts, scale) for annotators, counts in by_pair.items()]
    stored = [{**asdict(one), "annotators": list(one.annotators)} for one in pairs]
    return {**asdict(of_classes(patterns, scale)), "cohen_kappa": stored}


def measure_distances(patterns: Sequence[CountedPattern], distances: SampledDistances) -> dict[str, Any]:
    """What is stored of any other question."""
    return {**asdict(of_distances(patterns, distances)), "cohen_kappa": [], "sampled_distances": asdict(distances)}


def sampled_distances(question: Question, sample: Sequence[Sequence[Answer]]) -> SampledDistances:
    """Measure the distances between the answers of a sample of records."""
    distance = kinds.of(question).distance
    between = [0] * len(sample)
    for (row, ones), (column, others) in combinations(enumerate(sample), 2):
        units = sum(in_units(distance(one, other)) for one in ones for other in others)
        between[row] += units
        between[column] += units
    within = [sum(in_units(distance(one, other)) for one, other in combinations(ones, 2)) for ones in sample]
    return SampledDistances.of(
        [SampledRecord(len(ones), *each) for ones, *each in zip(sample, within, between, strict=True)]
    )
