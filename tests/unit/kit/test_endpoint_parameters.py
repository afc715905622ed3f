"""What an endpoint takes is read from its signature; what would not be plain is refused when the service is wired."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from fastapi import Body, Depends, File, Form, Header, Query, Request, UploadFile
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from shared.kit.auth import requires
from shared.kit.endpoint_parameters import EndpointParameters, parameters_of, read_strictly


class Draft(BaseModel):
    number: int
    id: UUID | None = None


async def chosen(verbose: bool = False) -> bool:
    return verbose


def test_what_is_in_the_path_comes_of_no_query() -> None:
    async def read(thing_id: UUID, request: Request, name: str) -> None: ...

    assert parameters_of(read, "/things/{thing_id}") == EndpointParameters(queries={"name": False})


def test_query_parameters_are_known_by_their_alias_and_whether_they_may_be_repeated() -> None:
    async def read(
        limit: Annotated[int, Query(ge=1)] = 1,
        kinds: Annotated[list[Literal["a", "b"]] | None, Query()] = None,
        after: Annotated[str | None, Query(alias="since")] = None,
        tag: Annotated[str | None, Header()] = None,
    ) -> None: ...

    assert parameters_of(read, "/things").queries == {"limit": False, "kinds": True, "since": False}


def test_what_dependencies_take_counts_too() -> None:
    async def read(
        _principal: Annotated[Any, requires("manager")], choice: Annotated[bool, Depends(chosen)]
    ) -> None: ...

    taken = parameters_of(read, "/things", [requires("auditor")])
    assert [sorted(guard.roles) for guard in taken.guards] == [["auditor"], ["manager"]]
    assert taken.queries == {"verbose": False}


def test_a_model_is_a_body_and_so_is_what_is_marked_as_one() -> None:
    async def model(body: Draft) -> None: ...
    async def marked(given: Annotated[list[Draft], Body(max_length=1)]) -> None: ...

    assert (parameters_of(model, "/").body, parameters_of(marked, "/").body) == ("body", "given")


def test_a_form_has_the_parts_that_are_declared() -> None:
    async def upload(file: Annotated[UploadFile, File()], note: Annotated[str, Form(alias="text")]) -> None: ...

    assert parameters_of(upload, "/").form == ("file", "text")


async def _two_bodies(one: Draft, other: Draft) -> None: ...
async def _a_member_of_a_body(one: Annotated[int, Body(embed=True)]) -> None: ...
async def _body_and_form(one: Draft, note: Annotated[str, Form()]) -> None: ...
async def _unmarked(one: Any) -> None: ...
async def _query_model(one: Annotated[Draft, Query()]) -> None: ...
async def _takes_a_body(one: Draft) -> None: ...
async def _body_of_a_dependency(one: Annotated[None, Depends(_takes_a_body)]) -> None: ...


@pytest.mark.parametrize(
    "endpoint",
    [_two_bodies, _a_member_of_a_body, _body_and_form, _unmarked, _query_model, _body_of_a_dependency],
)
def test_a_signature_that_is_not_plain_is_refused(endpoint: Callable[..., Any]) -> None:
    with pytest.raises(TypeError):
        parameters_of(endpoint, "/")


def test_a_body_is_read_strictly_by_its_signature_and_documented_as_before() -> None:
    async def change(body: Annotated[Draft, Field(description="What is to be changed.")]) -> None: ...

    def adapter() -> TypeAdapter[Any]:
        kind: Any = inspect.signature(change).parameters["body"].annotation
        return TypeAdapter(kind)

    before = adapter().json_schema()
    reader = read_strictly(change, "body")
    read = adapter()
    assert read.json_schema() == before
    text = "01993e5a-0409-7a81-8050-3991208ceec1"
    assert read.validate_python({"number": 1, "id": text}) == Draft(number=1, id=UUID(text))
    for number in ("1", True, 1.0):
        with pytest.raises(ValidationError) as refusal:
            read.validate_python({"number": number})
        assert [(error["type"], error["loc"]) for error in refusal.value.errors()] == [("int_type", ("number",))]
    assert read_strictly(change, "body") is reader, "an endpoint of two routes"


def test_constraints_of_a_body_hold() -> None:
    async def add(drafts: Annotated[list[Draft], Body(max_length=1)]) -> None: ...

    with pytest.raises(ValidationError):
        read_strictly(add, "drafts").read(b'[{"number": 1}, {"number": 2}]')
