"""Which terms of texts a text model holds, and which texts are read together."""

from services.prelabel.compute import text_models
from services.prelabel.compute.sessions import parts_of_like_length


def test_a_word_that_only_one_of_many_texts_has_is_no_term() -> None:
    texts = [f"number {place} of many" for place in range(200)]
    known = text_models.vocabulary(["quite secret", *texts], most=50)
    assert set(known.spelled()) == {("number",), ("of",), ("many",), ("of", "many")}


def test_of_few_texts_every_word_is_a_term() -> None:
    assert set(text_models.vocabulary(["good day", "bad day"], most=50).spelled()) == {
        ("good",), ("day",), ("bad",), ("good", "day"), ("bad", "day"),
    }  # fmt: skip


def test_a_vocabulary_that_is_full_holds_the_terms_of_most_texts() -> None:
    texts = ["a b", "a b", "a c", "d e"]
    assert set(text_models.vocabulary(texts, most=3).spelled()) == {("a",), ("b",), ("a", "b")}


def test_a_long_text_does_not_pad_those_beside_it() -> None:
    assert parts_of_like_length([3, 100, 2, 0, 90, 4], most=200) == [[3, 2, 0, 5], [4, 1]]
    assert parts_of_like_length([1, 1000], most=200) == [[0], [1]]
    assert parts_of_like_length([0, 0, 0], most=200) == [[0, 1, 2]]
