"""Text models: TF-IDF of words or characters with logistic regression, and the ONNX graph that computes the same.

The terms are counted and the graph is written here. A converter would have to read the tokens of a term back from
scikit-learn's text of it, and gets a pair of words wrong when one of them is not in the vocabulary. And a term is a number
here, so that the memory of a training is some multiple of its texts.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.prelabel.domain.calibration import Floats
from services.prelabel.exceptions import CannotTrain, TrainingFailure

Integers = NDArray[np.int64]

_WORD: Final = r"""[^ \t\r\n\f\v!"#$%&'()*+,./:;<=>?@\[\\\]^_`{|}~-]+"""
"""Means the same to Python and to RE2, which the graph's tokenizer uses."""
_WORDS: Final = re.compile(_WORD)
_WORDS_PER_TEXT: Final = 2.0
"""Texts with fewer words than this are taken to be of a script without spaces, and read letter by letter."""
_MOST_WORDS: Final = 2
_MOST_CHARACTERS: Final = 3
_FEWEST_TEXTS: Final = 2
"""A term stands in so many texts: it is no one's own word, as a name may be, and there is something to learn of it."""
_BITS: Final = 20
"""For each token of a term in its number; three of them fit."""
_MERGED_AT: Final = 4_000_000
_PADDING: Final = "##"
"""What the graph fills short rows with. No token equals it: words don't hold this sign, and characters are shorter."""
_SMALLEST_NORM: Final = 1e-30
_OPSETS: Final = {"": 18, "com.microsoft": 1}
_IR_VERSION: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The terms that a model knows: tokens that follow each other in a text.

    `tokens` numbers the tokens from 1. `terms` are the numbers of terms, ascending, so shorter ones come first; the place
    of a term is that of its feature.
    """

    by_words: bool
    tokens: Mapping[str, int]
    terms: Integers

    @classmethod
    def of(cls, terms: Iterable[tuple[str, ...]], *, by_words: bool) -> "Vocabulary":
        given = list(terms)
        numbers = _numbered(token for term in given for token in term)
        return cls(by_words, numbers, np.sort([_terms_in(_numbers(term, numbers), len(term))[0] for term in given]))

    def spelled(self) -> list[tuple[str, ...]]:
        """The tokens of each term."""
        names = {number: token for token, number in self.tokens.items()}
        shifts = range((_longest(by_words=self.by_words) - 1) * _BITS, -1, -_BITS)
        parts = ([int(term) >> shift & (1 << _BITS) - 1 for shift in shifts] for term in self.terms)
        return [tuple(names[part] for part in each if part) for each in parts]

    def counts(self, texts: Sequence[str]) -> Any:
        """How often each term stands in each text: a sparse matrix, float64 [texts, terms]."""
        from scipy.sparse import csr_matrix

        places: list[NDArray[np.int32]] = []
        counts: list[NDArray[np.float64]] = []
        for text in texts:
            row = _numbers(tokens(text, by_words=self.by_words), self.tokens)
            found = np.concatenate([_terms_in(row, length) for length in _lengths(by_words=self.by_words)])
            place = np.searchsorted(self.terms, found)
            place = place[self.terms[np.minimum(place, len(self.terms) - 1)] == found]
            at, count = np.unique(place, return_counts=True)
            places.append(at.astype(np.int32))
            counts.append(count.astype(np.float64))
        ends = np.cumsum([0, *(len(each) for each in places)])
        return csr_matrix((np.concatenate(counts), np.concatenate(places), ends), shape=(len(texts), len(self.terms)))


def tokens(text: str, *, by_words: bool) -> list[str]:
    return _WORDS.findall(text) if by_words else list(text)


def _longest(*, by_words: bool) -> int:
    return _MOST_WORDS if by_words else _MOST_CHARACTERS


def _lengths(*, by_words: bool) -> range:
    return range(1, _longest(by_words=by_words) + 1)


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(sorted(set(names)), start=1)}


def _numbers(row: Sequence[str], known: Mapping[str, int]) -> Integers:
    """The numbers of tokens; 0 for one that is not known."""
    return np.fromiter((known.get(token, 0) for token in row), dtype=np.int64, count=len(row))


def _terms_in(row: Integers, length: int) -> Integers:
    """The numbers of the terms of this length, as they follow each other; without those that hold an unknown token."""
    width = max(0, len(row) - length + 1)
    terms, known = np.zeros(width, dtype=np.int64), np.ones(width, dtype=bool)
    for start in range(length):
        part = row[start : start + width]
        terms = terms << _BITS | part
        known &= part > 0
    return terms[known]


def vocabulary(texts: Sequence[str], most: int) -> Vocabulary:
    """The `most` terms that stand in the most texts, and in two at least.

    A term stands in no more texts than each of its tokens. So only terms of tokens that were kept are counted, which
    changes nothing in the result.

    Raises:
        CannotTrain: there are none.
    """
    by_words = sum(len(text.split()) for text in texts) / len(texts) >= _WORDS_PER_TEXT
    found: Counter[str] = Counter()
    for text in texts:
        found.update(set(tokens(text, by_words=by_words)))
    common = sorted((-count, token) for token, count in found.items() if count >= _FEWEST_TEXTS)[:most]
    if not common:
        raise CannotTrain(
            TrainingFailure.NO_COMMON_TERMS,
            "no two of the texts have a word in common" if found else "the texts have no words to learn from",
        )
    known = _numbered(token for _, token in common)
    terms, counts = _texts_with_each(
        np.unique(np.concatenate([_terms_in(row, length) for length in _lengths(by_words=by_words)]))
        for row in (_numbers(tokens(text, by_words=by_words), known) for text in texts)
    )
    terms, counts = terms[counts >= _FEWEST_TEXTS], counts[counts >= _FEWEST_TEXTS]
    return Vocabulary(by_words, known, np.sort(terms[np.lexsort((terms, -counts))[:most]]))


def _texts_with_each(rows: Iterator[Integers]) -> tuple[Integers, Integers]:
    """The distinct numbers, ascending, and in how many rows each is; a row has none of them twice."""
    terms, counts = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    waiting: list[Integers] = []
    size = 0
    for row in rows:
        waiting.append(row)
        size += len(row)
        if size >= _MERGED_AT:
            terms, counts = _merged(terms, counts, waiting)
            waiting, size = [], 0
    return _merged(terms, counts, waiting)


def _merged(terms: Integers, counts: Integers, more: Sequence[Integers]) -> tuple[Integers, Integers]:
    new, new_counts = np.unique(np.concatenate([terms[:0], *more]), return_counts=True)
    together, places = np.unique(np.concatenate([terms, new]), return_inverse=True)
    weights = np.concatenate([counts, new_counts])
    return together, np.bincount(places, weights, len(together)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class TextModel:
    """A fitted classifier of texts: the known terms, TF-IDF of length 1 (a `TfidfTransformer`), and a linear classifier."""

    known: Vocabulary
    frequencies: Any
    classifier: Any

    @property
    def classes_(self) -> NDArray[Any]:
        return np.asarray(self.classifier.classes_)

    def predict_proba(self, texts: Sequence[str]) -> Floats:
        """Probabilities, shape [texts, classes]."""
        return np.asarray(self.classifier.predict_proba(self.frequencies.transform(self.known.counts(texts))))


def fit(
    texts: Sequence[str], labels: NDArray[Any], weights: NDArray[np.float64], known: Vocabulary, classifier: Any
) -> TextModel:
    from sklearn.feature_extraction.text import TfidfTransformer

    frequencies = TfidfTransformer()
    features = frequencies.fit_transform(known.counts(texts))
    return TextModel(known, frequencies, classifier.fit(features, labels, sample_weight=weights))


def to_onnx(model: TextModel, input_name: str, output_name: str) -> bytes:
    """The graph that answers as the model does: strings [n, 1] to probabilities [n, labels].

    Lower-casing is left to whoever feeds it: inside ONNX it needs a locale that slim images lack.
    """
    from onnx import TensorProto, helper, numpy_helper

    coefficients, intercept = model.classifier.coef_, model.classifier.intercept_
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
        _tokenizer(model.known, input_name, "tokens"),
        helper.make_node("Flatten", ["tokens"], ["rows"]),
        _counter(model.known, model.frequencies.idf_, "rows", "features"),
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


def _tokenizer(known: Vocabulary, reads: str, gives: str) -> Any:
    from onnx import helper

    how: dict[str, Any] = {"tokenexp": _WORD} if known.by_words else {"separators": [""]}
    return helper.make_node(
        "Tokenizer", [reads], [gives], domain="com.microsoft", mark=0, mincharnum=1, pad_value=_PADDING, **how
    )


def _counter(known: Vocabulary, weights: Floats, reads: str, gives: str) -> Any:
    """Counts the terms, each times its weight. The operator wants them in the order of their lengths, as they are."""
    from onnx import helper

    starts: list[int] = []
    pool: list[str] = []
    for term in known.spelled():
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
        ngram_indexes=list(range(len(known.terms))),
        pool_strings=pool,
        weights=[float(weight) for weight in weights],
    )
