"""Estimates of what a project holds hold the truth while a model chooses what people label and accepts what it is sure of.

A project of 4,000 records, of which chance holds out some; people label these and a tenth that the model is unsure of, and it
accepts what it is very sure of. Models are calibrated, too sure of themselves, or know nothing. On real texts a model is
trained on few of them. TOUCHSTONE_GATE_ROUNDS sets how many projects are run in each case.
"""

import csv
import os
from collections import defaultdict
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from services.qa.domain.population import PopulationEstimate, accuracy_of, share_of
from services.qa.domain.prediction_powered import interval_of
from tests.support.left_out import NOT_BESIDE
from tests.support.populations import SimulatedProject, cells_of, run_project

ROUNDS = int(os.environ.get("TOUCHSTONE_GATE_ROUNDS", "90"))
TEXTS = Path(__file__).parents[3].parent / "shared" / "data" / "text"
LEVEL = 0.9
RECORDS = 4_000
SHARES = np.array([0.65, 0.3, 0.05])


@dataclass
class Kept:
    """By what was estimated: whether the interval held the truth, and its width over that of the drawn labels alone."""

    held: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    width: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, found: PopulationEstimate | None, truth: float) -> None:
        if found is None or not found.is_known:
            return
        interval = found.interval(LEVEL)
        self.held[name].append(interval.low <= truth <= interval.high)
        if found.labels_alone is not None:
            self.width[name].append(interval.half_width / interval_of(found.labels_alone, LEVEL).half_width)

    def add_project(self, project: SimulatedProject, classes: int) -> None:
        cells = cells_of(project)
        for one in range(classes):
            self.add(
                f"share {one}", share_of(cells, frozenset({str(one)}), classes), float((project.truth == one).mean())
            )
        others = ~project.seen
        right = project.predicted[others] == project.truth[others]
        self.add("accuracy", accuracy_of(cells), float(right.mean()))

    def coverage(self) -> dict[str, float]:
        return {name: round(float(np.mean(held)), 3) for name, held in self.held.items()}

    def widths(self) -> dict[str, float]:
        return {name: round(float(np.mean(width)), 3) for name, width in self.width.items()}


def simulated(model: str, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Classes and what the model gives each, of Gaussian records in three dimensions."""
    truth = generator.choice(3, RECORDS, p=SHARES)
    apart = 2.5
    records = generator.normal(apart * np.eye(3)[truth], 1.0)
    logits = np.log(SHARES) + apart * records
    if model == "too_sure":
        logits = 3.0 * logits
    if model == "useless":
        logits = generator.normal(0.0, 2.0, (RECORDS, 3))
    logits -= logits.max(axis=1, keepdims=True)
    return truth, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def kept(model: str, held_out: float, *, batch: float = 0.1, accept_from: float = 2.0) -> Kept:
    generator = np.random.default_rng([int(1000 * held_out), len(model)])
    found = Kept()
    for _ in range(ROUNDS):
        truth, probabilities = simulated(model, generator)
        project = run_project(
            generator,
            truth,
            probabilities,
            held_out=held_out,
            batch=batch,
            accept_from=accept_from,
        )
        found.add_project(project, 3)
    return found


def texts(name: str) -> tuple[list[str], list[str]]:
    if not (TEXTS / name).is_dir():
        pytest.skip(f"left out: {name} {NOT_BESIDE}")
    rows: list[list[str]] = []
    for part in ("train", "test"):
        with (TEXTS / name / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            rows += list(csv.reader(file))[1:]
    return [row[0] for row in rows], [row[1] for row in rows]


def replayed(name: str, trained_on: int, held_out: float, *, accept_from: float = 2.0) -> Kept:
    """Three models, each trained on so many texts by chance, which are no part of what is estimated."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    messages, labels = texts(name)
    classes, truth = np.unique(labels, return_inverse=True)
    features = TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2)).fit_transform(messages)
    found = Kept()
    for seed in range(3):
        generator = np.random.default_rng(seed)
        order = generator.permutation(len(truth))
        trained, rest = order[:trained_on], order[trained_on:]
        model = LogisticRegression(C=20.0).fit(features[trained], truth[trained])
        probabilities = np.zeros((len(rest), len(classes)))
        probabilities[:, model.classes_] = model.predict_proba(features[rest])
        for _ in range(ROUNDS // 3):
            found.add_project(
                run_project(
                    generator, truth[rest], probabilities, held_out=held_out, batch=0.05, accept_from=accept_from
                ),
                len(classes),
            )
    return found


def least(rounds: int) -> float:
    """Of so many projects: .87, less three standard deviations of chance."""
    return 0.87 - 3 * sqrt(0.87 * 0.13 / rounds)


@pytest.mark.parametrize("accept_from", [2.0, 0.97])
@pytest.mark.parametrize("held_out", [0.0125, 0.05, 0.25])
@pytest.mark.parametrize("model", ["calibrated", "too_sure", "useless"])
def test_the_intervals_hold_the_truth_while_a_model_chooses_and_accepts(
    model: str, held_out: float, accept_from: float
) -> None:
    """Held out: some 50, 200 and 1,000 records."""
    found = kept(model, held_out, accept_from=accept_from)
    assert min(found.coverage().values()) >= least(ROUNDS), found.coverage()
    if model != "useless":
        assert float(np.mean([*found.widths().values()])) <= 0.8, found.widths()


@pytest.mark.parametrize("accept_from", [2.0, 0.97])
@pytest.mark.parametrize("held_out", [0.02, 0.1])
@pytest.mark.parametrize(("name", "trained_on"), [("sms_spam", 200), ("trec_qc", 800)])
def test_the_intervals_hold_the_truth_on_real_texts(
    name: str, trained_on: int, held_out: float, accept_from: float
) -> None:
    found = replayed(name, trained_on, held_out, accept_from=accept_from)
    assert min(found.coverage().values()) >= least(ROUNDS), found.coverage()
    assert float(np.mean([*found.widths().values()])) <= 0.9, found.widths()
