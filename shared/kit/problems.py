"""Problem documents (RFC 9457): `application/problem+json`. They name the place and the rule, never the value."""

import http
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 100
"""How many single errors one problem lists."""


class ProblemError(BaseModel):
    """One of several things that are wrong with a request."""

    pointer: str | None = Field(default=None, description="JSON pointer (RFC 6901) to the place in the body.")
    parameter: str | None = Field(default=None, description="The parameter, where the error is not in the body.")
    rule: str = Field(description="The rule that is broken, in a word.")
    detail: str = Field(description="The rule that is broken, in a sentence; never the value that breaks it.")


class ProblemDocument(BaseModel):
    """What a refusal looks like (RFC 9457)."""

    model_config: ClassVar = {"title": "Problem", "extra": "allow"}

    type: str = Field(description="Which kind of problem, for programs.", examples=["not-known-here"])
    title: str = Field(description="Which kind of problem, for people.")
    status: int = Field(ge=400, le=599)
    detail: str | None = Field(default=None, description="What is the matter this time.")
    pointer: str | None = Field(default=None, description="JSON pointer (RFC 6901) to the place in the body.")
    errors: list[ProblemError] | None = Field(
        default=None, description="Everything that is wrong, if several things are."
    )
    request_id: str | None = Field(default=None, description="By which the request is found in the logs.")


class Problem(HTTPException):
    """A refusal with its status. Domains raise their own exceptions; edges map them to this."""

    def __init__(
        self,
        status: int,
        type: str,  # noqa: A002  RFC 9457's word
        title: str,
        detail: str | None = None,
        pointer: str | None = None,
        errors: Sequence[Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status_code=status, detail=detail or title, headers=dict(headers) if headers else None)
        self.status = status
        self.type = type
        self.title = title
        self.explanation = detail
        self.pointer = pointer
        self.errors = list(errors)[:MAX_ERRORS] if errors else None

    def __str__(self) -> str:
        return f"{self.type}: {self.explanation or self.title}"

    def document(self, request_id: str | None = None) -> dict[str, Any]:
        whole = {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.explanation,
            "pointer": self.pointer,
            "errors": [_as_dict(error) for error in self.errors] if self.errors else None,
            "request_id": request_id,
        }
        return {name: value for name, value in whole.items() if value is not None}

    def response(self, request_id: str | None = None) -> Response:
        return Response(
            orjson.dumps(self.document(request_id), default=str),
            status_code=self.status,
            headers=dict(self.headers or {}),
            media_type=MEDIA_TYPE,
        )


def _as_dict(error: Any) -> Any:
    return error.model_dump(mode="json", exclude_none=True) if isinstance(error, BaseModel) else error


def of_exception(error: Exception, status: int) -> Problem:
    """The problem that a domain exception becomes.

    The type is the class's name in kebab-case, the title its docstring's first line, the detail `str(error)`. The
    attributes `pointer`, `errors`, `headers` and `retry_after_s` are taken over where the exception has them.
    """
    headers = dict(getattr(error, "headers", None) or {})
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(retry_after_s)))
    return Problem(
        status,
        kebab_case(type(error).__name__),
        first_line(type(error)),
        str(error) or None,
        pointer=getattr(error, "pointer", None),
        errors=getattr(error, "errors", None),
        headers=headers,
    )


def kebab_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def first_line(cls: type) -> str:
    doc = (cls.__doc__ or "").strip()
    return doc.splitlines()[0].strip() if doc else cls.__name__


def pointer_to(parts: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


_DESCRIPTIONS = {
    400: "The request can't be decoded.",
    401: "No token, or one that is not valid.",
    403: "The token doesn't allow this.",
    404: "There is no such thing here (yet).",
    405: "The path has no such method.",
    408: "The body stood still.",
    409: "It contradicts what has happened meanwhile.",
    410: "It was here and is gone for good.",
    412: "It was changed by somebody else.",
    413: "The body is too large.",
    415: "The media type, or the content coding, is not one of those accepted.",
    416: "The range lies outside.",
    422: "The request breaks a rule.",
    428: "The condition is missing.",
    429: "Too many requests.",
    500: "A fault of the service.",
    503: "The service can't do it now; try again.",
}
SCHEMA_REFERENCE = "#/components/schemas/Problem"


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For FastAPI's `responses=`: documents these statuses as problems."""
    return {
        status: {
            "description": _DESCRIPTIONS.get(status, http.HTTPStatus(status).phrase),
            "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMA_REFERENCE}}},
        }
        for status in statuses
    }
