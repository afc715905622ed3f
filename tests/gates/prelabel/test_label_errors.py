"""Labels that were made wrong on purpose are found, by the service's own trainings: on pictures and on real questions."""

import csv
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from services.prelabel.compute.label_errors import FOLDS, DoubtJob, answer_fold, review_labels
from services.prelabel.compute.training import TrainingJob
from services.prelabel.domain.label_errors import LabelReview
from services.qa.domain.dawid_skene import fit
from services.qa.domain.label_doubts import doubt_with_votes
from shared.contracts.events import ModelManifest
from tests.support.left_out import NOT_BESIDE

TREC = Path(__file__).parents[3].parent / "shared" / "data" / "text" / "trec_qc" / "train.csv"
NOISE = 0.05
TEXTS = ModelManifest(
    task="text_classification", schema_version=1, question="kind", field="text", labels=[*"012345"],
    input_name="input", output_name="probabilities", lowercase=True, collapse_whitespace=True,
)  # fmt: skip
PICTURES = ModelManifest(
    task="image_classification", schema_version=1, question="digit", field="picture", labels=[*"0123456789"],
    input_name="input", output_name="probabilities", width=8, height=8,
)  # fmt: skip


class Labelled(NamedTuple):
    """Items with right labels, as numbers of classes."""

    manifest: ModelManifest
    items: list[Any]
    truth: np.ndarray


def digits() -> Labelled:
    loaded = load_digits()
    order = np.random.default_rng(1).permutation(len(loaded.target))[:1000]
    return Labelled(
        PICTURES, [(loaded.images[each] * 15).astype(np.uint8)[..., None] for each in order], loaded.target[order]
    )


def questions() -> Labelled:
    if not TREC.is_file():
        pytest.skip(f"trec_qc {NOT_BESIDE}")
    with TREC.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return Labelled(TEXTS, [row["text"] for row in rows], np.array([int(row["category"]) for row in rows]))


def with_noise(truth: np.ndarray, kind: str, random: np.random.Generator) -> np.ndarray:
    """Labels of which one in twenty is wrong: any other class, or the one that its class is always confused with."""
    classes = int(truth.max()) + 1
    wrong = random.permutation(len(truth))[: round(NOISE * len(truth))]
    given = truth.copy()
    shift = random.integers(1, classes, len(wrong)) if kind == "any" else 1
    given[wrong] = (truth[wrong] + shift) % classes
    return given


def judged(data: Labelled, given: np.ndarray, seed: int) -> LabelReview:
    """As the service judges them."""
    training = TrainingJob(data.manifest, data.items, [str(each) for each in given], [1.0] * len(given))
    job = DoubtJob(training, [True] * len(given), share=1.0, most=1, seed=seed)
    found = review_labels(job, [answer_fold(job, fold) for fold in range(FOLDS)])
    assert len(found.scores) == len(given)
    return found


@pytest.mark.parametrize(
    ("load", "kind", "auc", "precision"),
    [
        (digits, "any", 0.97, 0.85),
        (digits, "pair", 0.97, 0.85),
        (questions, "any", 0.93, 0.5),
        (questions, "pair", 0.92, 0.45),
    ],
)
def test_wrong_labels_come_first(load: Any, kind: str, auc: float, precision: float) -> None:
    data = load()
    given = with_noise(data.truth, kind, np.random.default_rng(7))
    found = judged(data, given, seed=3)
    wrong = given != data.truth
    top = np.argsort(-found.scores)[: wrong.sum()]
    area, at_top = roc_auc_score(wrong, found.scores), wrong[top].mean()
    assert area >= auc
    assert at_top >= precision
    assert abs(found.estimated_wrong - NOISE) < 0.03
    likely = found.scores >= 0.5
    assert wrong[likely].mean() >= found.scores[likely].mean() - 0.08  # scores promise no more than is true


class Voted(NamedTuple):
    """The labels that two votes of each item lead to, and the confidence in each."""

    given: np.ndarray
    confidence: np.ndarray


def voted(truth: np.ndarray, random: np.random.Generator) -> Voted:
    """Of thirty people who are right in six of seven; one item in seven is hard and has a tempting wrong class."""
    classes, count, people = int(truth.max()) + 1, len(truth), 30
    skills = np.clip(random.beta(12, 2, people), 0.3, 0.99)
    hard = random.random(count) < 0.15
    tempting = (truth + random.integers(1, classes, count)) % classes
    items = np.repeat(np.arange(count), 2)
    voters = np.concatenate([random.permutation(people)[:2] for _ in range(count)])
    right = random.random(2 * count) < skills[voters] * np.where(hard[items], 0.5, 1.0)
    tempted = hard[items] & (random.random(2 * count) < 0.7)
    other = (truth[items] + random.integers(1, classes, 2 * count)) % classes
    votes = np.where(right, truth[items], np.where(tempted, tempting[items], other))
    posteriors = fit(items, voters, votes, shape=(count, people, classes)).posteriors
    return Voted(posteriors.argmax(axis=1), posteriors.max(axis=1))


def test_models_and_votes_together_find_more_than_models_alone() -> None:
    data = questions()
    labels = voted(data.truth, np.random.default_rng(4))
    found = judged(data, labels.given, seed=3)
    both = np.array(
        [
            doubt_with_votes(float(score), found.estimated_wrong, float(confidence))
            for score, confidence in zip(found.scores, labels.confidence, strict=True)
        ]
    )
    wrong = labels.given != data.truth
    at_top = [wrong[np.argsort(-scores)[: wrong.sum()]].mean() for scores in (found.scores, both)]
    assert roc_auc_score(wrong, both) >= max(0.95, roc_auc_score(wrong, found.scores) + 0.005)
    assert at_top[1] >= at_top[0] + 0.02
    assert abs(both.mean() - wrong.mean()) < 0.06
