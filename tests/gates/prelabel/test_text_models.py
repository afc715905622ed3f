"""Text models on real messages, read in place, and on any signs at all: the graph answers as scikit-learn does."""

import csv
import itertools
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.prelabel.compute import text_models, training
from services.prelabel.compute.sessions import LoadedModel
from services.prelabel.compute.training import TrainedModel, TrainingJob, train
from services.prelabel.exceptions import CannotTrain
from shared.contracts.events import ModelManifest
from tests.support.left_out import NOT_BESIDE

SHARED = Path(__file__).parents[3].parent / "shared"
CASES = SHARED / "cases" / "training.json"
AS_ITS_TWIN = 1e-5
MANIFEST = ModelManifest(
    task="text_classification", schema_version=1, question="topic", field="text", labels=["x", "y"],
    input_name="input", output_name="probabilities", lowercase=True, collapse_whitespace=True,
)  # fmt: skip


def messages(name: str, part: str) -> tuple[list[str], list[str]]:
    """Texts and labels of a data set."""
    file = SHARED / "data" / "text" / name / f"{part}.csv"
    if not file.is_file():
        pytest.skip(f"{name} {NOT_BESIDE}")
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return [row["text"] for row in rows], [row["category"] for row in rows]


def trained(texts: Sequence[str], labels: Sequence[str]) -> TrainedModel:
    return train(TrainingJob(MANIFEST, list(texts), list(labels), [1.0] * len(texts)))


@pytest.mark.parametrize(("name", "least"), [("sms_spam", 0.97), ("trec_qc", 0.84)])
@pytest.mark.parametrize("most", [50_000, 2_000])
def test_a_model_of_real_messages_answers_as_its_twin_and_well(
    name: str, least: float, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all their terms, and with a vocabulary that is cut, as that of a large project is."""
    monkeypatch.setattr(training, "_MOST_TERMS", most)
    made = trained(*messages(name, "train"))
    assert made.report.largest_difference < AS_ITS_TWIN
    texts, labels = messages(name, "test")
    guesses = LoadedModel(made.data, made.manifest).run(texts).argmax(axis=1)
    right = np.array(made.manifest.labels)[guesses] == np.array(labels)
    assert right.mean() >= least


def test_label_sets_that_gave_no_model_once_give_one() -> None:
    if not CASES.is_file():
        pytest.skip(f"the file of label sets that failed once {NOT_BESIDE}")
    for case in json.loads(CASES.read_text(encoding="utf-8"))["must_train"]:
        made = trained(case["texts"], [case["labels"][place] for place in case["truth"]])
        assert made.report.largest_difference < AS_ITS_TWIN, case["name"]


@settings(max_examples=200)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=6))
def test_any_signs_are_read_alike(texts: list[str]) -> None:
    try:
        made = trained([*texts, "one plain text"], ["x", "y", *"z" * (len(texts) - 1)])
    except CannotTrain as failed:
        assert "no words" in str(failed)  # noqa: PT017  the texts may have some
        return
    assert made.report.largest_difference < AS_ITS_TWIN


@settings(max_examples=200)
@given(st.lists(st.text("abc ", min_size=4), min_size=100, max_size=130), st.integers(1, 12))
def test_counting_only_terms_whose_parts_were_kept_changes_nothing(texts: list[str], most: int) -> None:
    by_words = sum(len(text.split()) for text in texts) / len(texts) >= 2
    counts: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        row = text_models.tokens(text, by_words=by_words)
        sizes = (1, 2) if by_words else (1, 2, 3)
        counts.update({tuple(row[at : at + size]) for size, at in itertools.product(sizes, range(len(row)))})
    best = sorted((-count, len(term), term) for term, count in counts.items() if count > 1)[:most]
    assert set(text_models.vocabulary(texts, most).spelled()) == {term for _, _, term in best}
