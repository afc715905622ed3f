"""The graph that is written for a text model answers as the scikit-learn model that it was made from.

On real messages, read in place, and on any signs at all.
"""

import csv
import itertools
import json
import random
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from services.prelabel.compute import sessions, text_models, training
from services.prelabel.compute.sessions import LoadedModel
from services.prelabel.compute.training import TrainedModel, TrainingJob, train
from services.prelabel.domain.items import read_text
from services.prelabel.exceptions import CannotTrain, TrainingFailure
from shared.contracts.events import ModelManifest
from tests.support.left_out import NOT_BESIDE

SHARED = Path(__file__).parents[3].parent / "shared"
CASES = SHARED / "cases" / "training.json"
AS_ITS_TWIN = 1e-5
MANIFEST = ModelManifest(
    task="text_classification", schema_version=1, question="topic", field="text", labels=["x", "y", "z"],
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


def alternating(texts: Sequence[str]) -> list[str]:
    return [label for _, label in zip(texts, itertools.cycle("xy"), strict=False)]


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
        made = trained([*texts, *texts], ["x", "y", *"z" * (len(texts) - 2)] * 2)
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


def test_with_more_terms_than_a_model_holds_the_graph_answers_as_its_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_MOST_TERMS", 40)
    texts = [f"so much{place} was said{place}" for place in range(60)]
    assert trained(texts, alternating(texts)).report.largest_difference < AS_ITS_TWIN


def test_a_term_may_be_known_whose_words_are_not() -> None:
    known = text_models.Vocabulary.of([("ok",), ("not", "good"), ("very", "good")], by_words=True)
    assert known.spelled() == [("ok",), ("not", "good"), ("very", "good")]
    texts = ["not good", "very good ok", "ok not good not good", "good not very good", "ok", "very not ok good"]
    classes = LogisticRegression(C=10.0)
    model = text_models.fit(texts, np.array(list("xyzxyz")), np.ones(6), known, classes)
    graph = LoadedModel(text_models.to_onnx(model, MANIFEST.input_name, MANIFEST.output_name), MANIFEST)
    assert graph.run(texts) == pytest.approx(model.predict_proba(texts), abs=AS_ITS_TWIN)


def drawn(parts: Sequence[str], count: int, longest: int, joined_by: str = "") -> list[str]:
    """Texts of up to so many of these parts, the same ones every time."""
    dice = random.Random(f"{parts} {longest}")
    return [joined_by.join(dice.choices(parts, k=dice.randint(1, longest))) for _ in range(count)]


EMOJI = [chr(0x1F600 + number) for number in range(40)]
JOINED_EMOJI = ["👍🏽", "👨\u200d👩\u200d👧", "🇩🇪", "❤\ufe0f", "☺\ufe0e", "1\ufe0f\u20e3"]
HAN = [chr(0x4E00 + number) for number in range(40)]
WORDS_OF_MANY_SCRIPTS = [
    "good", "bad", "Straße", "ẞ", "ИЗБА", "школа", "سلام", "עולם", "好", "สวัสดี", "naïve", "ﬁne", "İi", "ǅ", "한국어", "\uff2f\uff2b",
]  # fmt: skip
MADE_OF_PARTS = ["é", "ñandú", "Å", "한국", "tiếng Việt", "naïve", "ΐ"]

KINDS: dict[str, list[str]] = {
    "words that come again": ["so so so good", "so bad", "good good day", "bad bad bad bad news"],
    "one emoji": [*EMOJI[:12], *JOINED_EMOJI] * 2,
    "only emoji": drawn([*EMOJI, *JOINED_EMOJI], 60, 9),
    "one letter": list("abcdefABCDEF") * 2,
    "one digit": list("0123456789") * 2,
    "one Han sign": HAN * 2,
    "Han signs": drawn(HAN, 60, 12),
    "two texts of one word": ["ok", "no"],
    "two words": drawn(["good", "bad", "ok", "no", ":)", "!!"], 60, 2, " "),
    "a word and a smiley": ["good :)", "bad :-("],
    "padding signs": ["#", "##", "a#", "#a", "## ## a", "# # b", "a## b#"],
    "shouted, over several lines": [
        "I AM SHOUTING!!! NOW",
        "i am not\n\r\n\tshouting  now",
        "İstanbul ÇOK",
        "Straße\u00a0ẞ",
    ],
    "mixed scripts": drawn(WORDS_OF_MANY_SCRIPTS, 80, 12, " "),
    "mixed scripts without spaces": drawn(WORDS_OF_MANY_SCRIPTS, 80, 4),
    "very long": drawn(WORDS_OF_MANY_SCRIPTS, 4, 12, " ") + [" ".join(WORDS_OF_MANY_SCRIPTS * 1_000)] * 2,
    "very long without spaces": ["".join(HAN) * 500, "".join(HAN[::-1]) * 500, "a" * 50_000, "b" * 50_000],
    "composed and decomposed": [
        unicodedata.normalize(form, text)
        for text in drawn(MADE_OF_PARTS, 40, 5, " ")
        for form in ("NFC", "NFD", "NFKC", "NFKD")
    ],
    "decomposed Hangul": [unicodedata.normalize("NFD", text) for text in drawn(list("한국어말글"), 40, 3)],
    "lines that repeat": ["the same line\nthe same line\n" * 3, "another line\n" * 4, "the same line\nanother line"],
    "all equal": ["the same text"] * 12,
    "some without a word": ["", "a word or two", "...", "two or three words", "!!! ???"],
    "none with a word": ["!!! ???", "...", "- -", "( )"],
    "signs that are not seen": [
        "zero\u200bwidth joins",
        "soft\u00adhyphen joins",
        "\ufeffmark at first",
        "\u2028line\u2029ends",
    ],
    "control signs": ["a\x00b c\x01d", "a b\x7f c", "\x85 a\x1cb", "a\x0bb\x0cc d"],
    "signs of nobody": ["\ue000 \uf8ff a", "\ufffd a b", "\U0010ffff a", "\ufffe b a"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_texts_are_the_graph_answers_as_its_twin(kind: str) -> None:
    texts = KINDS[kind]
    made = trained(texts * 3, alternating(texts * 3) if len(texts) % 2 else alternating(texts) * 3)
    assert made.report.largest_difference < AS_ITS_TWIN
    assert len(made.manifest.labels) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_also_where_one_class_has_two_records(kind: str) -> None:
    texts = KINDS[kind] * 3
    made = trained(texts, ["x"] * (len(texts) - 2) + ["y"] * 2)
    assert made.report.largest_difference < AS_ITS_TWIN
    assert made.report.per_label["y"] == 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_answers_texts_that_it_never_saw_as_its_twin(kind: str) -> None:
    texts = [read_text(MANIFEST, text) for text in KINDS[kind] * 3]
    known = text_models.vocabulary(texts, 50_000)
    labels = np.array(alternating(texts) if len(KINDS[kind]) % 2 else alternating(KINDS[kind]) * 3)
    model = text_models.fit(texts, labels, np.ones(len(texts)), known, LogisticRegression(C=10.0, max_iter=2000))
    manifest = MANIFEST.model_copy(update={"labels": ["x", "y"]})
    graph = LoadedModel(text_models.to_onnx(model, MANIFEST.input_name, MANIFEST.output_name), manifest)
    others = [text for texts in KINDS.values() for text in texts[:12] if len(text) < 1_000]
    expected = model.predict_proba([read_text(MANIFEST, text) for text in others])
    assert graph.run(others) == pytest.approx(expected, abs=AS_ITS_TWIN)


@pytest.mark.parametrize("texts", [[""] * 10, [" ", "\n\t", "\u00a0"], ["! !", ". ."]])
def test_texts_without_a_word_are_refused_with_the_reason(texts: list[str]) -> None:
    with pytest.raises(CannotTrain, match="no words to learn from") as refused:
        trained(texts * 3, alternating(texts * 3))
    assert refused.value.reason is TrainingFailure.NO_COMMON_TERMS


def test_texts_that_come_again_and_again_have_terms_although_they_are_one_example_each() -> None:
    signs = [chr(0x4E00 + number) for number in range(60)]
    made = trained(signs * 2, alternating(signs) * 2)
    assert (made.report.examples, made.report.distinct) == (120, 60)
    assert made.report.largest_difference < AS_ITS_TWIN


def test_texts_that_have_nothing_in_common_give_no_model_and_the_reason() -> None:
    signs = [chr(0x4E00 + number) for number in range(120)]
    with pytest.raises(CannotTrain, match="no two of the texts have a word in common"):
        trained(signs, alternating(signs))


def test_two_classes_and_more_sum_to_one() -> None:
    texts = ["red apple", "green pear", "blue plum"] * 4
    assert trained(texts, list("xyz") * 4).manifest.labels == ["x", "y", "z"]
    assert trained(texts, list("xyx") * 4).manifest.labels == ["x", "y"]


def test_texts_of_unlike_lengths_are_answered_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    made = trained(["good", "bad"] * 2, ["x", "y"] * 2)
    graph = LoadedModel(made.data, made.manifest)
    texts = ["bad " * 50, "good", "bad", "good " * 60, "good bad"]
    together = graph.run(texts)
    monkeypatch.setattr(sessions, "_MOST_PADDED", 100)
    assert graph.run(texts) == pytest.approx(together)
    assert [["x", "y"][place] for place in together.argmax(axis=1)[:4]] == ["y", "x", "y", "x"]
