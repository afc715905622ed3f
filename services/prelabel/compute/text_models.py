"""Text models: TF-IDF of words or characters with logistic regression, and the ONNX graph that computes the same.

The graph is written here and not by a converter: scikit-learn joins the tokens of a term with spaces, and a converter that
has to guess where they were gets a term wrong when one of its words is not in the vocabulary.
"""

import heapq
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.prelabel.exceptions import CannotTrain

Term = tuple[str, ...]
"""Tokens in a row, as they stand in a text."""

_WORD: Final = r"""[^ \t\r\n\f\v!"#$%&'()*+,./:;<=>?@\[\\\]^_`{|}~-]+"""
"""Means the same to Python and to RE2, which the graph's tokenizer uses."""
_WORDS: Final = re.compile(_WORD)
_WORDS_PER_TEXT: Final = 2.0
"""Texts with fewer words than this are taken to be of a script without spaces, and read letter by letter."""
_MOST_WORDS: Final = 2
_MOST_CHARACTERS: Final = 3
_MANY_TEXTS: Final = 100
"""From so many texts on a term must stand in two of them: it is no one's own word, and there is something to learn of it."""
_PADDING: Final = "##"
"""What the graph fills short rows with. No token equals it: words don't hold this sign, and characters are shorter."""
_SMALLEST_NORM: Final = 1e-30
_OPSETS: Final = {"": 18, "com.microsoft": 1}
_IR_VERSION: Final = 8


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The terms that a model knows, each with its place among the features. Called with a text, the known terms in it."""

    by_words: bool
    places: Mapping[Term, int]

    def __call__(self, text: str) -> list[Term]:
        row = tokens(text, by_words=self.by_words)
        lengths = range(1, _longest(by_words=self.by_words) + 1)
        return [term for length in lengths for term in _in_a_row(row, length) if term in self.places]


def tokens(text: str, *, by_words: bool) -> list[str]:
    return _WORDS.findall(text) if by_words else list(text)


def _longest(*, by_words: bool) -> int:
    return _MOST_WORDS if by_words else _MOST_CHARACTERS


def _in_a_row(row: Sequence[str], length: int) -> Iterator[Term]:
    return zip(*(row[start:] for start in range(length)), strict=False)


def vocabulary(texts: Sequence[str], most: int) -> Vocabulary:
    """The `most` terms that stand in the most texts; in two at least, if there are many texts.

    A term stands in no more texts than the shorter ones inside it do. So only terms whose parts were kept are counted,
    which changes nothing in the result and bounds the memory.

    Raises:
        CannotTrain: there are none.
    """
    by_words = sum(len(text.split()) for text in texts) / len(texts) >= _WORDS_PER_TEXT
    fewest = 2 if len(texts) >= _MANY_TEXTS else 1
    kept: dict[Term, int] = {}
    for length in range(1, _longest(by_words=by_words) + 1):
        counts: Counter[Term] = Counter()
        for text in texts:
            candidates = set(_in_a_row(tokens(text, by_words=by_words), length))
            if length > 1:
                candidates = {term for term in candidates if term[1:] in kept and term[:-1] in kept}
            counts.update(candidates)
        kept.update((term, count) for term, count in counts.items() if count >= fewest)
        kept = dict(heapq.nsmallest(most, kept.items(), key=lambda each: (-each[1], len(each[0]), each[0])))
    if not kept:
        raise CannotTrain(
            "the texts have no words to learn from" if fewest == 1 else "no two of the texts have a word in common"
        )
    ordered = sorted(kept, key=lambda term: (len(term), term))
    return Vocabulary(by_words, {term: place for place, term in enumerate(ordered)})


def fit(
    texts: Sequence[str], labels: NDArray[Any], weights: NDArray[np.float64], known: Vocabulary, classifier: Any
) -> Any:
    """A fitted pipeline: TF-IDF of the known terms, each text's of length 1, and the classifier."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import Pipeline

    vectors = TfidfVectorizer(analyzer=known, vocabulary=known.places)
    features = vectors.fit_transform(texts)
    return Pipeline([("terms", vectors), ("classes", classifier.fit(features, labels, sample_weight=weights))])


def to_onnx(model: Any, input_name: str, output_name: str) -> bytes:
    """The graph that answers as the pipeline does: strings [n, 1] to probabilities [n, labels].

    Lower-casing is left to whoever feeds it: inside ONNX it needs a locale that slim images lack.
    """
    from onnx import TensorProto, helper, numpy_helper

    vectors, classes = model.named_steps["terms"], model.named_steps["classes"]
    coefficients, intercept = classes.coef_, classes.intercept_
    if len(coefficients) == 1:  # of two classes scikit-learn keeps the second one's alone
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercept = np.concatenate([[0.0], intercept])
    constants = {
        "coefficients": np.ascontiguousarray(coefficients.T, dtype=np.float32),
        "intercept": np.asarray(intercept, dtype=np.float32),
        "smallest_norm": np.float32(_SMALLEST_NORM),
        "each_row": np.array([1], dtype=np.int64),
    }
    nodes = [
        _tokenizer(vectors.analyzer.by_words, input_name, "tokens"),
        helper.make_node("Flatten", ["tokens"], ["rows"]),
        _terms(vectors.analyzer.places, vectors.idf_, "rows", "features"),
        # The scores are divided by the length of the features, not the features: there are far fewer of them.
        helper.make_node("MatMul", ["features", "coefficients"], ["products"]),
        helper.make_node("ReduceL2", ["features", "each_row"], ["length"], keepdims=1),
        helper.make_node("Max", ["length", "smallest_norm"], ["norm"]),
        helper.make_node("Div", ["products", "norm"], ["quotients"]),
        helper.make_node("Add", ["quotients", "intercept"], ["scores"]),
        helper.make_node("Softmax", ["scores"], [output_name], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "text_classification",
        [helper.make_tensor_value_info(input_name, TensorProto.STRING, [None, 1])],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, [None, len(coefficients)])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
    data: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION).SerializeToString()
    return data


def _tokenizer(by_words: bool, reads: str, gives: str) -> Any:
    from onnx import helper

    how: dict[str, Any] = {"tokenexp": _WORD} if by_words else {"separators": [""]}
    return helper.make_node(
        "Tokenizer", [reads], [gives], domain="com.microsoft", mark=0, mincharnum=1, pad_value=_PADDING, **how
    )


def _terms(places: Mapping[Term, int], weights: NDArray[np.float64], reads: str, gives: str) -> Any:
    """Counts the terms, each times its weight. The places are in the order of the terms' lengths, as the operator wants."""
    from onnx import helper

    starts: list[int] = []
    pool: list[str] = []
    for term in places:
        while len(starts) < len(term):
            starts.append(len(pool))
        pool.extend(term)
    return helper.make_node(
        "TfIdfVectorizer",
        [reads],
        [gives],
        mode="TFIDF",
        min_gram_length=1,
        max_gram_length=len(starts),
        max_skip_count=0,
        ngram_counts=starts,
        ngram_indexes=list(places.values()),
        pool_strings=pool,
        weights=[float(weight) for weight in weights],
    )
