"""What agreement counts of each record, so that it can be kept up as records change.

A record with at least two answers to a question contributes a pattern: which answers there are, without who gave them. How
many records have each pattern is all that the coefficients need. All counts are integers, so that adding and taking away in
any order gives the same as counting anew.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from typing import Any, Final, NamedTuple
from uuid import UUID

from services.qa.domain import kinds
from services.qa.domain.votes import Answer
from shared.contracts.answers import LabelSchema, Question

COUNTED_ROLES: Final = ("vote", "gold", "late")
"""Which answers agreement counts: all that annotators gave on their own, whatever became of them.

An arbiter saw the others' answers (`decision`), a paused annotator's are `void`, and of a corrected answer only the last
revision counts. All records with two or more are taken alike, also those where more were asked for because the first
differed, which lowers agreement.
"""

UNITS: Final = 2**32
"""Distances are counted in units of 1 / UNITS: sums of integers don't depend on their order."""

_SHADES: Final = 1024
"""How finely the mean distance within a record is resolved for intervals."""


class CountedAnswer(NamedTuple):
    """One annotator's answers to a schema version."""

    annotator_id: UUID
    schema_version: int
    answers: Mapping[str, Answer]


Contribution = dict[str, Any]
"""What one record contributes to one question, as JSON has it.

A question that chooses one class: `{"classes": [[annotator_id, label], …]}`. Any other: `{"answers": m, "units": d}`, the
sum of the distances between its pairs of answers, in units.
"""

Contributions = dict[str, dict[str, Contribution]]
"""By schema version (a string, as JSON has it) and question."""


class QuestionKey(NamedTuple):
    schema_version: int
    question: str


class Pattern(NamedTuple):
    """What some records have in common. `text`: the labels in order, or how many answers and their mean distance."""

    key: QuestionKey
    text: str


class PairCell(NamedTuple):
    """Two annotators, by id in order, and what each answered to the same record."""

    key: QuestionKey
    first_id: str
    second_id: str
    first_label: str
    second_label: str


@dataclass(slots=True)
class CountChanges:
    """What is added to the counts (and taken from them, where it is negative)."""

    records: Counter[Pattern] = field(default_factory=Counter)
    units: Counter[Pattern] = field(default_factory=Counter)
    pairs: Counter[PairCell] = field(default_factory=Counter)

    def add(self, contributions: Contributions, times: int) -> None:
        """Count what a record contributes once more (`times` 1) or no more (-1)."""
        for version, of_questions in contributions.items():
            for question, contribution in of_questions.items():
                key = QuestionKey(int(version), question)
                if "classes" in contribution:
                    self._add_classes(key, contribution["classes"], times)
                else:
                    pattern = Pattern(key, _shade(contribution["answers"], contribution["units"]))
                    self.records[pattern] += times
                    self.units[pattern] += times * contribution["units"]

    def _add_classes(self, key: QuestionKey, classes: Sequence[tuple[str, str]], times: int) -> None:
        self.records[Pattern(key, _classes_text(tuple(label for _, label in classes)))] += times
        for (one, first), (other, second) in combinations(classes, 2):
            self.pairs[PairCell(key, one, other, first, second)] += times

    @property
    def questions(self) -> set[QuestionKey]:
        """The questions of which anything changed."""
        return {pattern.key for pattern, times in self.records.items() if times}


def contributions_of(schemas: Mapping[int, LabelSchema], answers: Iterable[CountedAnswer]) -> Contributions:
    """Return what one record contributes. CPU work where distances are heavy."""
    by_version: dict[int, list[CountedAnswer]] = {}
    for one in answers:
        by_version.setdefault(one.schema_version, []).append(one)
    found: Contributions = {}
    for version, given in by_version.items():
        schema = schemas.get(version)
        if schema is None or len(given) < 2:  # noqa: PLR2004  # a pair
            continue
        of_questions = {
            question.name: contribution
            for question in schema.questions
            if (contribution := _contribution(question, given)) is not None
        }
        if of_questions:
            found[str(version)] = of_questions
    return found


def _contribution(question: Question, given: Sequence[CountedAnswer]) -> Contribution | None:
    answered = [(str(one.annotator_id), one.answers[question.name]) for one in given if question.name in one.answers]
    if len(answered) < 2:  # noqa: PLR2004  # a pair
        return None
    if chooses_one_class(question):
        return {"classes": sorted([annotator, str(answer["label"])] for annotator, answer in answered)}
    distance = kinds.of(question).distance
    pairs = combinations([answer for _, answer in answered], 2)
    return {"answers": len(answered), "units": sum(in_units(distance(one, other)) for one, other in pairs)}


def chooses_one_class(question: Question) -> bool:
    """Whether the question's answers are classes, so that kappas are defined."""
    return question.kind == "choice"


@lru_cache(maxsize=4096)
def _classes_text(labels: tuple[str, ...]) -> str:
    return json.dumps(sorted(labels), ensure_ascii=False, separators=(",", ":"))


def in_units(distance: float) -> int:
    return round(distance * UNITS)


def _shade(answers: int, units: int) -> str:
    pairs = answers * (answers - 1) // 2
    return f"[{answers},{(units * _SHADES + pairs * UNITS // 2) // (pairs * UNITS)}]"
