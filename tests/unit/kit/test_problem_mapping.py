"""From exceptions to problems, and what problems never show."""

from typing import Any, Literal
from uuid import UUID

import orjson
import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, field_validator
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from shared.kit.exceptions import EventTooLarge, MalformedJson, NotKnownHere
from shared.kit.pagination import Page, decode_cursor, page_of
from shared.kit.problem_mapping import problem_of
from shared.kit.problems import Problem, kebab_case, pointer_to
from shared.kit.storable_json import MAX_DEPTH, MAX_VALUES, parse_json, read_exactly


class StaleLease(Exception):
    """The slot was leased to somebody else before the annotation came.

    More that nobody is shown.
    """

    retry_after_s = 0.2


class VeryStaleLease(StaleLease):
    pass


def test_an_exception_takes_its_status_from_the_table_or_from_its_base() -> None:
    problem = problem_of(StaleLease("lease 7"), {StaleLease: 409})
    assert problem.document() == {
        "type": "stale-lease",
        "title": "The slot was leased to somebody else before the annotation came.",
        "status": 409,
        "detail": "lease 7",
    }
    assert problem.headers == {"Retry-After": "1"}
    assert problem_of(VeryStaleLease(), {StaleLease: 409}).status == 409


def test_an_event_that_is_too_large_is_413() -> None:
    assert problem_of(EventTooLarge("600000 bytes"), {}).status == 413


def test_anything_else_is_500_without_a_word() -> None:
    assert problem_of(KeyError("jane@example.com"), {}).document() == {
        "type": "internal-error", "title": "A fault of the service.", "status": 500,
    }  # fmt: skip


def test_who_misses_a_path_is_shown_the_list() -> None:
    assert "/docs" in problem_of(HTTPException(404), {}).document()["detail"]


def test_starlettes_exceptions_become_problems() -> None:
    assert problem_of(HTTPException(400, "There was an error parsing the body"), {}).document() == {
        "type": "bad-request", "title": "Bad Request.", "status": 400, "detail": "There was an error parsing the body",
    }  # fmt: skip


def test_a_problem_is_itself() -> None:
    problem = Problem(409, "stale", "It is stale.")
    assert problem_of(problem, {}) is problem


def test_an_id_that_is_not_known_here_may_come_later() -> None:
    problem = problem_of(NotKnownHere("record", UUID(int=7)), {})
    assert (problem.status, problem.type, (problem.headers or {})["Retry-After"]) == (404, "not-known-here", "1")


@pytest.mark.parametrize(
    ("name", "kebab"),
    [("StaleLease", "stale-lease"), ("HTTPError", "http-error"), ("A", "a"), ("UnknownURLPath", "unknown-url-path")],
)
def test_type_names_are_kebab_case(name: str, kebab: str) -> None:
    assert kebab_case(name) == kebab


class Cat(BaseModel):
    kind: str
    lives: int

    @field_validator("kind")
    @classmethod
    def _no_dogs(cls, value: str) -> str:
        if value == "a-dog":
            raise ValueError(f"{value} is no cat")
        return value


class Basket(BaseModel):
    cats: list[Cat] | dict[str, Cat]


def refuse(value: Any) -> Problem:
    try:
        TypeAdapter(Basket).validate_python(value)
    except ValidationError as error:
        found = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        return problem_of(RequestValidationError(found, body=value), {})
    raise AssertionError("it was accepted")


def test_pointers_lead_to_places_in_the_body_and_not_to_union_members() -> None:
    problem = refuse({"cats": [{"kind": "tom", "lives": 9}, {"kind": "tom"}]})
    assert problem.errors is not None
    assert "/cats/1/lives" in {error.pointer for error in problem.errors}
    assert all(error.pointer.startswith("/cats") and "list" not in error.pointer for error in problem.errors)


def test_a_rule_that_repeats_the_value_is_not_repeated() -> None:
    problem = refuse({"cats": [{"kind": "a-dog", "lives": 9}]})
    assert "a-dog" not in str(problem.document())
    assert "dog" not in str(problem.document())


def test_pointers_are_escaped() -> None:
    assert pointer_to(["a/b", "c~d", 0]) == "/a~1b/c~0d/0"


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"\xef\xbb\xbf{}", "begins with a byte order mark"),
        ('{"a": 1}'.encode("utf-16"), "UTF-16 or UTF-32"),
        ('{"a": 1}'.encode("utf-16-be"), "UTF-16 or UTF-32"),
        ('{"a": 1}'.encode("utf-32-le"), "UTF-16 or UTF-32"),
        ('{"a": "für"}'.encode("latin-1"), "not UTF-8 at offset 8"),
        (b'{"a": "half \xf0\x9f\x98', "not UTF-8 at offset 12"),
        (b'{"a": NaN}', "not JSON at offset 6"),
        (b'{"a": 1', "not JSON at offset 7"),
        (b'{"a": 1e400}', "a number beyond a double at offset 6"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number beyond a double at offset 6"),
        (b"", "not JSON at offset 0: .* empty document"),
        (b'{"a": 1}{"b": 2}', "not JSON at offset 8: unexpected content after document"),
        (b'{"a": 1,}', "not JSON at offset 7: trailing comma"),
    ],
)
def test_what_is_not_json_is_told_why(raw: bytes, fault: str) -> None:
    with pytest.raises(MalformedJson, match=fault):
        parse_json(raw)


@pytest.mark.parametrize("number", [2**63 - 1, 2**64 - 1, -(2**63)])
def test_a_whole_number_of_64_bits_is_itself(number: int) -> None:
    assert parse_json(b'{"a": [%d], "%d": "%d"}' % (number, 2**70, 2**70)) == {"a": [number], str(2**70): str(2**70)}
    assert parse_json(b"[%d.5, %de1]" % (2**70, 2**70)) == [float(2**70), float(2**70) * 10]


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**300, -(10**300)])
def test_a_larger_whole_number_is_refused_and_not_rounded(number: int) -> None:
    with pytest.raises(Problem, match="number-too-large") as caught:
        parse_json(b'{"b": 1, "a": [0, %d]}' % number)
    assert (caught.value.status, caught.value.pointer) == (422, "/a/1")


def test_what_is_too_deep_to_be_read_exactly_is_told_so() -> None:
    with pytest.raises(Problem, match="nested-too-deep"):
        read_exactly(b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize("deep", [b"[" * 2_000 + b"]" * 2_000, b'{"a":' * 2_000 + b"1" + b"}" * 2_000])
def test_what_is_too_deep_to_be_parsed_is_told_so(deep: bytes) -> None:
    with pytest.raises(Problem, match="nested-too-deep"):
        parse_json(deep)


def test_depth_is_limited_exactly() -> None:
    parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(Problem, match="nested-too-deep"):
        parse_json(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


@pytest.mark.parametrize("one", [b"[]", b"1", b'"a"', b'{"a":[]}'])
def test_the_number_of_values_is_limited(one: bytes) -> None:
    raw = b"[" + b",".join([one] * MAX_VALUES) + b"]"
    with pytest.raises(Problem, match="too-many-values"):
        parse_json(raw)


@pytest.mark.parametrize("text", ["a, [b] {c} ", 'say "a", "b" and \\'])
def test_a_long_text_is_one_value_whatever_it_holds(text: str) -> None:
    value = [text * (MAX_VALUES // 2)]
    assert parse_json(orjson.dumps(value)) == value


def test_a_page_has_a_next_only_when_there_is_one() -> None:
    cats = [Cat(kind=str(number), lives=number) for number in range(3)]
    assert page_of(cats[:2], 2, "kind").model_dump() == {"items": [each.model_dump() for each in cats[:2]]}
    page: Page[Cat] = page_of(cats, 2, "kind", "lives")
    assert page.next is not None
    assert decode_cursor(page.next, str, int) == ("1", 1)


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b'{"answers": {"tone": {"label": "bad", "label": "good"}}}', "/answers/tone"),
        (b'{"count": 1, "count": 2}', ""),
        (b'[{"a": 1}, {"b": 1, "b" : 1}]', "/1"),
    ],
)
def test_a_name_that_is_given_twice_is_refused_where_it_is(raw: bytes, pointer: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_json(raw)
    assert (refused.value.type, refused.value.pointer) == ("name-repeated", pointer)


def test_a_name_may_come_again_in_another_object_and_in_a_text() -> None:
    assert parse_json(b'[{"a": {"a": "\\"a\\": 1"}}, {"a": 2}]') == [{"a": {"a": '"a": 1'}}, {"a": 2}]


class Picture(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base64: str
    media_type: Literal["image/png"] | None = None


class Wall(BaseModel):
    shown: dict[str, str | Picture]


def errors_of(kind: type[BaseModel], value: Any, body: Any = None) -> list[tuple[str | None, str]]:
    try:
        kind.model_validate(value)
    except ValidationError as error:
        found = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        problem = problem_of(RequestValidationError(found, body=value if body is None else body), {})
        assert problem.explanation == (problem.errors or [])[0].detail or len(problem.errors or []) > 1
        return [(one.pointer, one.rule) for one in problem.errors or []]
    raise AssertionError("it was accepted")


@pytest.mark.parametrize(
    ("value", "errors"),
    [
        ({"media_type": "image/png"}, [("/shown/a/base64", "missing")]),
        ({"base64": "x", "media_type": "image/gif"}, [("/shown/a/media_type", "literal_error")]),
        ({"base64": "x", "url": "y"}, [("/shown/a/url", "extra_forbidden")]),
        ({"base64": 1, "url": "y"}, [("/shown/a/base64", "string_type"), ("/shown/a/url", "extra_forbidden")]),
        (7, [("/shown/a", "string_type")]),
    ],
)
def test_of_what_may_have_several_forms_only_what_is_wrong_with_the_form_that_came(
    value: Any, errors: list[tuple[str, str]]
) -> None:
    assert errors_of(Wall, {"shown": {"fine": "text", "a": value}}) == errors


def test_what_has_none_of_several_forms_is_told_all_of_them() -> None:
    with pytest.raises(ValidationError) as caught:
        Wall.model_validate({"shown": {"a": 7}})
    found = [{**each, "loc": ("body", *each["loc"])} for each in caught.value.errors()]
    problem = problem_of(RequestValidationError(found, body={"shown": {"a": 7}}), {})
    assert (problem.pointer, problem.explanation) == ("/shown/a", "It must be a text. Or: It must be an object.")


def test_errors_of_a_form_point_at_its_parts() -> None:
    form = FormData([("use_now", "maybe"), ("reason", "why")])
    found = [
        {"type": "bool_parsing", "loc": ("body", "use_now"), "msg": "", "input": "maybe"},
        {"type": "missing", "loc": ("body", "model"), "msg": "", "input": None},
    ]
    problem = problem_of(RequestValidationError(found, body=form), {})
    assert [error.pointer for error in problem.errors or []] == ["/use_now", "/model"]
