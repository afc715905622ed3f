"""One estimation: from a window of a project's newest annotations to what is concluded about each annotator."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from uuid import UUID

import numpy as np
import orjson

from services.qa.compute.copies import CopyFinding, copied_from_others, copied_from_predictions, predicted_classes
from services.qa.domain import kinds
from services.qa.domain.agreement_counts import chooses_one_class
from services.qa.domain.assessment import Assessment, assess
from services.qa.domain.attention import Attention, attentions
from services.qa.domain.calibration import LEAST_KNOWN
from services.qa.domain.calibration_evidence import worth_of_checks
from services.qa.domain.drift import Drift, FollowedOutcome, PoolError, follow
from services.qa.domain.record_consensus import hits
from services.qa.domain.stored_estimates import Reliability, StoredEstimates
from services.qa.domain.vote_scores import VoteScores
from services.qa.domain.votes import Distribution, ItemVotes, TruthBasis, Vote, voter
from shared.contracts.answers import LabelSchema
from shared.contracts.values import Answers

_FEW_ANNOTATIONS = 500


class WindowAnnotation(NamedTuple):
    """One annotation; `record` and `annotator` are places in the window's lists, `submitted_us` is Unix time in µs.

    `saw_prediction`: whether the record's `predicted` was shown; None if another one was.
    `counted`: it may have counted for the label before the truth was known; not an arbiter's decision, nor what came late.
    """

    record: int
    annotator: int
    answers: str
    submitted_us: int
    gold: bool
    era: int
    saw_prediction: bool | None = False
    counted: bool = True


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """What else is known of a record; content is text, as it lies in the tables.

    `truth` is certain: a gold answer when `is_gold`, else an arbiter's decision. `distributions` are those of a model
    that had not learnt from the record, where a model may speak at all; `predicted` those of the prediction that the record
    was routed by, whether it may speak or not. `closed`: no answer changes how it ended. `basis`: how the truth came to be
    known, None where it is not evidence about posteriors; `held_out`: it measures models.
    """

    truth: str | None = None
    is_gold: bool = False
    distributions: str | None = None
    closed: bool = False
    predicted: str | None = None
    basis: TruthBasis | None = None
    held_out: bool = False


@dataclass(frozen=True, slots=True)
class EstimationWindow:
    """All that one estimation reads of one schema version, in the order of submission."""

    schema: LabelSchema
    annotations: Sequence[WindowAnnotation]
    records: Sequence[WindowRecord]
    annotators: Sequence[UUID]
    experts: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class AnnotatorFinding:
    """What one estimation found of one annotator. `changed_us`: since when the error rate is higher, Unix time in µs.

    `attention` is that of the question with most answers, None where no question has one. `copies` is for people to look at.
    """

    era: int
    assessment: Assessment
    drift: Drift
    changed_us: int | None
    since_change: int
    diagonal: float | None
    attention: Attention | None = None
    copies: Sequence[CopyFinding] = ()


@dataclass(frozen=True, slots=True)
class EstimationResult:
    """What is stored of an estimation, by question, and what it found, by annotator."""

    estimates: Mapping[str, StoredEstimates]
    votes: int
    findings: Mapping[UUID, AnnotatorFinding]


class _Given(NamedTuple):
    """An annotation with its content parsed; `place` in the window orders two of the same moment."""

    place: int
    annotation: WindowAnnotation
    answers: Answers


class _TimedOutcome(NamedTuple):
    place: int
    submitted_us: int
    outcome: FollowedOutcome


@dataclass(slots=True)
class _Tally:
    """What is counted of one annotator in the present era, under the `name` that it is estimated by."""

    era: int
    name: str
    answers: int = 0
    gold_answers: int = 0
    gold_hits: int = 0
    reliabilities: list[Reliability] = field(default_factory=list)
    without_classes: list[Reliability] = field(default_factory=list)
    outcomes: list[_TimedOutcome] = field(default_factory=list)
    attentions: list[Attention] = field(default_factory=list)
    copies: list[CopyFinding] = field(default_factory=list)


def is_small(window: EstimationWindow) -> bool:
    """Whether the estimation takes some milliseconds only: less than to hand it to a worker process and back."""
    if len(window.annotations) > _FEW_ANNOTATIONS or not all(map(chooses_one_class, window.schema.questions)):
        return False
    return sum(one.basis is not None for one in window.records) < LEAST_KNOWN  # else posteriors are calibrated, too


def estimate(window: EstimationWindow) -> EstimationResult:
    """Estimate every question, then assess each annotator by it."""
    given = [_Given(place, one, orjson.loads(one.answers)) for place, one in enumerate(window.annotations)]
    truths: list[Answers | None] = [None if one.truth is None else orjson.loads(one.truth) for one in window.records]
    tallies = _tally(window, given, truths)
    by_name = {tally.name: tally for tally in tallies.values()}
    estimates: dict[str, StoredEstimates] = {}
    for question in window.schema.questions:
        kind = kinds.of(question)
        items, givers = _items(window, given, truths, question.name)
        estimated = kind.estimate(items)
        estimates[question.name] = kind.to_stored(estimated)
        for outcomes, of_item in zip(kind.outcomes(items, estimated), givers, strict=True):
            for outcome, one in zip(outcomes, of_item, strict=True):
                tally = tallies[one.annotation.annotator]
                record = window.records[one.annotation.record]
                if one.annotation.era == tally.era and record.closed:
                    on_gold = one.annotation.gold and record.is_gold
                    wrong = outcome.weight * (1.0 - outcome.right)
                    followed = FollowedOutcome(wrong, outcome.weight, on_gold=on_gold)
                    tally.outcomes.append(_TimedOutcome(one.place, one.annotation.submitted_us, followed))
        scores = kind.vote_scores(items, estimated)
        for tally in tallies.values():
            reliability = kind.reliability(estimated, tally.name)
            tally.reliabilities.append(reliability)
            if scores is None:
                tally.without_classes.append(reliability)
        if scores is not None:
            _look_at(by_name, window, question.name, scores, [one for of_item in givers for one in of_item])
    pool = _pool_error(tallies.values())
    return EstimationResult(
        estimates=estimates,
        votes=len(given),
        findings={
            annotator_id: _find(tallies[place], pool, followed=annotator_id not in window.experts)
            for place, annotator_id in enumerate(window.annotators)
        },
    )


def _tally(window: EstimationWindow, given: Sequence[_Given], truths: Sequence[Answers | None]) -> dict[int, _Tally]:
    tallies: dict[int, _Tally] = {}
    for one in given:
        annotation = one.annotation
        tally = tallies.get(annotation.annotator)
        if tally is None or annotation.era > tally.era:
            name = voter(window.annotators[annotation.annotator], annotation.era)
            tallies[annotation.annotator] = tally = _Tally(annotation.era, name)
        if annotation.era != tally.era:
            continue
        tally.answers += 1
        truth = truths[annotation.record]
        if annotation.gold and truth is not None and window.records[annotation.record].is_gold:
            tally.gold_answers += 1
            tally.gold_hits += all(hits(window.schema, one.answers, truth).values())
    return tallies


def _items(
    window: EstimationWindow, given: Sequence[_Given], truths: Sequence[Answers | None], question: str
) -> tuple[list[ItemVotes], list[list[_Given]]]:
    """A question's votes by record, in the order of submission, and who gave each."""
    of_record: dict[int, list[_Given]] = {}
    for one in given:
        if question in one.answers:
            of_record.setdefault(one.annotation.record, []).append(one)
    checks = _worth_of_checks(window)
    items = []
    for place, givers in of_record.items():
        record = window.records[place]
        prior: Distribution | None = (
            None if record.distributions is None else orjson.loads(record.distributions).get(question)
        )
        worth = 1.0 if record.basis is None else checks.get(record.basis, 1.0)
        votes = [
            Vote(
                voter(window.annotators[one.annotation.annotator], one.annotation.era),
                one.answers[question],
                counted=one.annotation.counted and not (record.truth and _decides(window, one.annotation)),
            )
            for one in givers
        ]
        items.append(
            ItemVotes(
                votes=votes,
                truth=(truths[place] or {}).get(question),
                prior=prior,
                basis=record.basis if worth > 0.0 else None,
                worth=worth,
            )
        )
    return items, list(of_record.values())


def _decides(window: EstimationWindow, annotation: WindowAnnotation) -> bool:
    """Whether the annotation may be the truth of its record itself: an expert's, on no gold."""
    return not annotation.gold and window.annotators[annotation.annotator] in window.experts


def _worth_of_checks(window: EstimationWindow) -> Mapping[TruthBasis, float]:
    by_people = [one for one in window.records if one.held_out and one.closed and one.basis is not TruthBasis.DISPUTE]
    return worth_of_checks(
        held_out=sum(one.basis is not TruthBasis.GOLD for one in by_people),
        differs=sum(one.basis is TruthBasis.DIFFERS for one in by_people),
        drawn=sum(one.basis is TruthBasis.DRAWN for one in by_people),
    )


def _look_at(
    tallies: Mapping[str, _Tally],
    window: EstimationWindow,
    question: str,
    scores: VoteScores,
    givers: Sequence[_Given],
) -> None:
    """Note who does not look at what they answer, and who copies. `givers`: of the votes, in their order."""
    for name, attention in attentions(scores).items():
        if name in tallies:
            tallies[name].attentions.append(attention)
    copies = copied_from_others(question, scores)
    if len(givers) == len(scores.items):
        copies += _copied_from_predictions(window, question, scores, givers)
    for name, copied in copies:
        if name in tallies:
            other = None if copied.other is None else copied.other.partition("#")[0]
            tallies[name].copies.append(replace(copied, other=other))


def _copied_from_predictions(
    window: EstimationWindow, question: str, scores: VoteScores, givers: Sequence[_Given]
) -> list[tuple[str, CopyFinding]]:
    of_record = {
        place: orjson.loads(record.predicted).get(question)
        for place, record in enumerate(window.records)
        if record.predicted is not None
    }
    if not of_record:
        return []
    saw = [one.annotation.saw_prediction for one in givers]
    distributions = [
        None if seen is None else of_record.get(one.annotation.record) for seen, one in zip(saw, givers, strict=True)
    ]
    predicted = predicted_classes(scores.labels, distributions)
    return copied_from_predictions(question, scores, predicted, np.array([bool(one) for one in saw], np.bool_))


def _pool_error(tallies: Iterable[_Tally]) -> PoolError:
    """The mean error rates of all outcomes, each by its worth as evidence."""
    wrong, total = {True: 0.0, False: 0.0}, {True: 0.0, False: 0.0}
    for tally in tallies:
        for one in tally.outcomes:
            wrong[one.outcome.on_gold] += one.outcome.wrong
            total[one.outcome.on_gold] += one.outcome.weight
    gold, consensus = (wrong[source] / total[source] if total[source] else None for source in (True, False))
    return PoolError(gold, consensus)


def _find(tally: _Tally, pool: PoolError, *, followed: bool) -> AnnotatorFinding:
    """Conclude about one annotator; the drift of experts is not followed, for nobody speaks beside them."""
    diagonal = _mean(tally.reliabilities)
    outcomes = sorted(tally.outcomes, key=lambda one: one.place)
    drift = follow([one.outcome for one in outcomes], pool)
    changed = drift.changed_at
    return AnnotatorFinding(
        era=tally.era,
        assessment=assess(
            gold_hits=tally.gold_hits,
            gold_answers=tally.gold_answers,
            diagonal=_mean(tally.without_classes),
            answers=tally.answers,
            attentions=tally.attentions,
            drift=drift if followed else None,
        ),
        drift=drift,
        changed_us=outcomes[changed].submitted_us if changed is not None and changed < len(outcomes) else None,
        since_change=0 if changed is None else len(outcomes) - changed,
        diagonal=diagonal,
        attention=max(tally.attentions, key=lambda one: one.answers, default=None),
        copies=tuple(tally.copies),
    )


def _mean(reliabilities: Sequence[Reliability]) -> float | None:
    """By answers; None where there are none."""
    answered = sum(answers for _, answers in reliabilities)
    return sum(one * answers for one, answers in reliabilities) / answered if answered else None
