"""JSON of any form is read as it is or refused, and cursors are what they were: drawn by hypothesis."""

import json
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kit.exceptions import MalformedJson
from shared.kit.pagination import decode_cursor, encode_cursor
from shared.kit.problems import Problem
from shared.kit.storable_json import MAX_DEPTH, Fault, may_repeat_names, parse_json, read_exactly, read_json

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)
_SPACES = st.text(" \t\r\n", max_size=2)


@given(_JSON)
def test_ordinary_json_is_parsed_as_it_is(value: Any) -> None:
    assert parse_json(orjson.dumps(value)) == value


@given(st.lists(st.tuples(st.sampled_from('ab":'), _SPACES, st.text('":a \\', max_size=6)), max_size=4))
def test_a_name_that_is_there_twice_is_found(members: list[tuple[str, str, str]]) -> None:
    names = [name for name, _, _ in members]
    inner = ",".join(f"{json.dumps(name)}{space}:{json.dumps(text)}" for name, space, text in members)
    raw = f'[{{{inner}}}, {{":": [":", " :"]}}]'.encode()
    repeated = len(set(names)) < len(names)
    assert may_repeat_names(raw, read_json(raw)) or not repeated
    found = read_exactly(raw)
    assert isinstance(found[0], Fault) is repeated
    if not repeated:
        assert found == read_json(raw)


@given(st.binary())
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    with suppress(MalformedJson, Problem):
        parse_json(raw)


@given(st.integers(1, MAX_DEPTH + 20), st.text('[]{}"\\a', max_size=9), st.booleans())
def test_depth_is_that_of_lists_and_objects_whatever_their_texts_hold(depth: int, text: str, as_object: bool) -> None:
    value: Any = text
    for _ in range(depth):
        value = {f"k{text}": value, "": text} if as_object else [text, value, text]
    raw = orjson.dumps(value)
    if depth <= MAX_DEPTH:
        assert parse_json(raw) == value
    else:
        with pytest.raises(Problem, match="nested-too-deep"):
            parse_json(raw)


@given(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_cursors_come_back_as_they_were(number: int, text: str) -> None:
    assert decode_cursor(encode_cursor(number, text), int, str) == (number, text)


@given(st.text())
def test_any_other_cursor_is_a_400(text: str) -> None:
    with suppress(Problem):
        decode_cursor(text, int)
