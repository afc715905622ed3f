"""What agreement counts of each record, so that it can be kept up as records change.

A record with due answers to a question contributes a pattern: which answers there are, without who gave them. One answer
alone can't be compared, but says how common its class is. How many records have each pattern is all that the coefficients
need. All counts are integers, so that adding and taking away
in any order gives the same as counting anew.

An answer is due when it was asked for before anything was known about its record: one of the first that its first round
collects, of a held-out record or of one that was routed without a model. More answers are requested until people agree,
which raises agreement, and of records where one person differs from the model, which lowers it. What is left out is counted,
too.
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
from services.qa.domain.class_weights import ClassScale
from services.qa.domain.votes import Answer
from shared.contracts.answers import LabelSchema, Question
from shared.contracts.answers.kinds.choice import ChoiceQuestion

COUNTED_ROLES: Final = ("vote", "gold", "late")
"""The roles of answers that agreement may count: all that annotators gave on their own, whatever became of them.

An arbiter saw the others' answers (`decision`), a paused annotator's are `void`, and of a corrected answer only the last
revision counts.
"""

LEFT_OUT: Final = "left_out"
"""The text of the pattern that counts what is left out: `records` of which nothing is compared, and answers as `units`."""

BASIS: Final = "due"
"""The name of the basis that agreement rests on, in reports and manifests."""

UNITS: Final = 2**32
"""Distances are counted in units of 1 / UNITS: sums of integers don't depend on their order."""

_SHADES: Final = 1024
"""How finely the mean distance within a record is resolved for intervals."""


class GivenAnswer(NamedTuple):
    """The newest revision of an annotation, in whatever role. `answers` None: they were erased."""

    annotator_id: UUID
    role: str
    round: int
    schema_version: int
    answers: Mapping[str, Answer] | None


class CountedAnswer(NamedTuple):
    """One annotator's answers to a schema version. `due`: they were asked for before anything was known."""

    annotator_id: UUID
    schema_version: int
    answers: Mapping[str, Answer]
    due: bool = True


Contribution = dict[str, Any]
"""What one record contributes to one question, as JSON has it.

A question that chooses one class: `{"classes": [[annotator_id, label], …]}`, which may be one. Any other: `{"answers": m,
"units": d}`, the sum of the distances between its pairs of answers, in units. `left_out`: how many of at least two answers are
not compared.
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
                compared = len(contribution.get("classes", ())) > 1 or "units" in contribution
                if left_out := contribution.get("left_out", 0):
                    pattern = Pattern(key, LEFT_OUT)
                    self.records[pattern] += 0 if compared else times
                    self.units[pattern] += times * left_out
                if "classes" in contribution:
                    self._add_classes(key, contribution["classes"], times)
                elif compared:
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
        return {pattern.key for pattern, times in self.records.items() if times or self.units[pattern]}


def counted_answers(due_total: int, given: Sequence[GivenAnswer]) -> list[CountedAnswer]:
    """Return the answers that agreement may count, of one record's in the order in which they were first submitted.

    The first `due_total` of the first round are due. One that counts no more keeps its place: what replaced it is not due,
    for more may have been known when it was asked for.
    """
    found = []
    left = due_total
    for one in given:
        due = False
        if one.round == 1 and one.role != "decision" and left > 0:
            left -= 1
            due = True
        if one.role in COUNTED_ROLES and one.answers is not None:
            found.append(CountedAnswer(one.annotator_id, one.schema_version, one.answers, due))
    return found


def contributions_of(schemas: Mapping[int, LabelSchema], answers: Iterable[CountedAnswer]) -> Contributions:
    """Return what one record contributes. CPU work where distances are heavy."""
    by_version: dict[int, list[CountedAnswer]] = {}
    for one in answers:
        by_version.setdefault(one.schema_version, []).append(one)
    found: Contributions = {}
    for version, given in by_version.items():
        schema = schemas.get(version)
        if schema is None:
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
    answers = [one for one in given if question.name in one.answers]
    due = [(str(one.annotator_id), one.answers[question.name]) for one in answers if one.due]
    compared = len(due) if len(due) > 1 else 0
    left_out = {"left_out": len(answers) - compared} if len(answers) > max(1, compared) else {}
    if chooses_one_class(question):
        classes = sorted([annotator, str(answer["label"])] for annotator, answer in due)
        return {"classes": classes, **left_out} if classes else left_out or None
    if not compared:
        return left_out or None
    distance = kinds.of(question).distance
    pairs = combinations([answer for _, answer in due], 2)
    return {"answers": len(due), "units": sum(in_units(distance(one, other)) for one, other in pairs), **left_out}


def chooses_one_class(question: Question) -> bool:
    """Whether the question's answers are classes, so that kappas are defined."""
    return question.kind == "choice"


def scale_of(question: Question) -> ClassScale:
    """Return the classes of a question that chooses one."""
    assert isinstance(question, ChoiceQuestion)
    return ClassScale(tuple(question.labels), ordered=question.ordered)


@lru_cache(maxsize=4096)
def _classes_text(labels: tuple[str, ...]) -> str:
    return json.dumps(sorted(labels), ensure_ascii=False, separators=(",", ":"))


def in_units(distance: float) -> int:
    return round(distance * UNITS)


def _shade(answers: int, units: int) -> str:
    pairs = answers * (answers - 1) // 2
    return f"[{answers},{(units * _SHADES + pairs * UNITS // 2) // (pairs * UNITS)}]"
