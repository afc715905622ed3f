"""The graph that is written for a text model answers as the scikit-learn model that it was made from."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from services.prelabel.compute import sessions, text_models, training
from services.prelabel.compute.sessions import LoadedModel, parts_of_like_length
from services.prelabel.compute.training import TrainedModel, TrainingJob, train
from services.prelabel.exceptions import CannotTrain
from shared.contracts.events import ModelManifest

AS_ITS_TWIN = 1e-5
MANIFEST = ModelManifest(
    task="text_classification", schema_version=1, question="topic", field="text", labels=["x", "y", "z"],
    input_name="input", output_name="probabilities", lowercase=True, collapse_whitespace=True,
)  # fmt: skip


def trained(texts: Sequence[str], labels: Sequence[str]) -> TrainedModel:
    return train(TrainingJob(MANIFEST, list(texts), list(labels), [1.0] * len(texts)))


def alternating(texts: Sequence[str]) -> list[str]:
    return [label for _, label in zip(texts, itertools.cycle("xy"), strict=False)]


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


@pytest.mark.parametrize(
    "texts",
    [
        ["so so so good", "so bad", "good good day", "bad bad bad bad news"],
        ["😀", "😡", "👍🏽", "👨‍👩‍👧"],
        ["ok", "no"],
        ["1", "5"],
        ["#", "##", "a#", "#a"],
        ["好", "坏", "很好", "不好"],
        ["good :)", "bad :-("],
        ["I AM SHOUTING!!! NOW", "i am not\n\r\n\tshouting  now", "İstanbul ÇOK güzel", "Straße\u00a0ẞ groß"],
        ["", "a word or two", "...", "two or three words"],
        ["zero\u200bwidth joins", "soft\u00adhyphen joins", "e\u0301 is not \u00e9", "\ufeffmark at first"],
    ],
)
def test_whatever_the_texts_are_the_graph_answers_as_its_twin(texts: list[str]) -> None:
    made = trained(texts * 3, alternating(texts * 3) if len(texts) % 2 else alternating(texts) * 3)
    assert made.report.largest_difference < AS_ITS_TWIN
    assert len(made.manifest.labels) == 2


def test_a_word_that_only_one_of_many_texts_has_is_no_term() -> None:
    texts = [f"number {place} of many" for place in range(200)]
    known = text_models.vocabulary(["quite secret", *texts], most=50)
    assert set(known.spelled()) == {("number",), ("of",), ("many",), ("of", "many")}


def test_of_few_texts_every_word_is_a_term() -> None:
    assert set(text_models.vocabulary(["good day", "bad day"], most=50).spelled()) == {
        ("good",), ("day",), ("bad",), ("good", "day"), ("bad", "day"),
    }  # fmt: skip


def test_texts_that_come_again_and_again_have_terms_although_they_are_one_example_each() -> None:
    signs = [chr(0x4E00 + number) for number in range(60)]
    made = trained(signs * 2, alternating(signs) * 2)
    assert (made.report.examples, made.report.distinct) == (120, 60)
    assert made.report.largest_difference < AS_ITS_TWIN


def test_texts_that_have_nothing_in_common_give_no_model_and_the_reason() -> None:
    signs = [chr(0x4E00 + number) for number in range(120)]
    with pytest.raises(CannotTrain, match="no two of the texts have a word in common"):
        trained(signs, alternating(signs))


def test_a_vocabulary_that_is_full_holds_the_terms_of_most_texts() -> None:
    texts = ["a b", "a b", "a c", "d e"]
    assert set(text_models.vocabulary(texts, most=3).spelled()) == {("a",), ("b",), ("a", "b")}


def test_two_classes_and_more_sum_to_one() -> None:
    texts = ["red apple", "green pear", "blue plum"] * 4
    assert trained(texts, list("xyz") * 4).manifest.labels == ["x", "y", "z"]
    assert trained(texts, list("xyx") * 4).manifest.labels == ["x", "y"]


def test_a_long_text_does_not_pad_those_beside_it() -> None:
    assert parts_of_like_length([3, 100, 2, 0, 90, 4], most=200) == [[3, 2, 0, 5], [4, 1]]
    assert parts_of_like_length([1, 1000], most=200) == [[0], [1]]
    assert parts_of_like_length([0, 0, 0], most=200) == [[0, 1, 2]]


def test_texts_of_unlike_lengths_are_answered_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    made = trained(["good", "bad"], ["x", "y"])
    graph = LoadedModel(made.data, made.manifest)
    texts = ["bad " * 50, "good", "bad", "good " * 60, "good bad"]
    together = graph.run(texts)
    monkeypatch.setattr(sessions, "_MOST_PADDED", 100)
    assert graph.run(texts) == pytest.approx(together)
    assert [["x", "y"][place] for place in together.argmax(axis=1)[:4]] == ["y", "x", "y", "x"]
