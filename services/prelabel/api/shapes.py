"""What the shapes of all endpoints have in common."""

from typing import Annotated, Any

from pydantic import ConfigDict, StringConstraints

from shared.contracts.visible import Visible

PROJECT = "01993e5a-0409-7a81-8050-3991208ceec1"
MODEL = "01993e5a-a9a7-77ba-82cd-5201a5ef03b3"
RUN = "01993e5a-1e08-79c7-8b74-aa24a606a628"

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Visible]


def of_answer(example: dict[str, Any], *, from_attributes: bool = False) -> ConfigDict:
    """The configuration of an answer's shape, with an example of it; `from_attributes`: it is read from a row."""
    return ConfigDict(
        json_schema_extra={"examples": [example]}, from_attributes=from_attributes, protected_namespaces=()
    )


def of_request(example: dict[str, Any]) -> ConfigDict:
    """The configuration of a request's shape, with an example of it: a member that it doesn't have is refused."""
    return ConfigDict(json_schema_extra={"examples": [example]}, extra="forbid", protected_namespaces=())
