"""Which terms of texts a text model holds, and which texts are read together."""

import pytest

from services.prelabel.compute import text_models
from services.prelabel.compute.sessions import parts_of_like_length
from services.prelabel.exceptions import CannotTrain, TrainingFailure


def test_a_word_that_only_one_of_many_texts_has_is_no_term() -> None:
    texts = [f"number {place} of many" for place in range(200)]
    known = text_models.vocabulary(["quite secret", *texts], most=50)
    assert set(known.spelled()) == {("number",), ("of",), ("many",), ("of", "many")}


def test_also_of_few_texts_a_word_of_only_one_is_no_term() -> None:
    texts = ["good day, I am Ann Smith", "bad day", "a good day"]
    assert set(text_models.vocabulary(texts, most=50).spelled()) == {("good",), ("day",), ("good", "day")}


@pytest.mark.parametrize(
    ("texts", "detail"),
    [
        (["good morning", "bad evening"], "no two of the texts have a word in common"),
        (["! !", ". ."], "the texts have no words to learn from"),
    ],
)
def test_texts_without_a_common_word_give_no_vocabulary(texts: list[str], detail: str) -> None:
    with pytest.raises(CannotTrain, match=detail) as failed:
        text_models.vocabulary(texts, most=50)
    assert failed.value.reason is TrainingFailure.NO_COMMON_TERMS


def test_a_vocabulary_that_is_full_holds_the_terms_of_most_texts() -> None:
    texts = ["a b", "a b", "a c", "d e"]
    assert set(text_models.vocabulary(texts, most=3).spelled()) == {("a",), ("b",), ("a", "b")}


def test_a_long_text_does_not_pad_those_beside_it() -> None:
    assert parts_of_like_length([3, 100, 2, 0, 90, 4], most=200) == [[3, 2, 0, 5], [4, 1]]
    assert parts_of_like_length([1, 1000], most=200) == [[0], [1]]
    assert parts_of_like_length([0, 0, 0], most=200) == [[0, 1, 2]]
