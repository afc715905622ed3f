"""Request bodies: how large and how slow they may be, how much of all is in hand, and what type of media they are.

Their JSON is parsed by `shared.kit.storable_json`; every string in them can be stored.
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Hashable
from typing import Any, Final

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.types import Message, Receive, Scope

from shared.kit.budgets import ByteBudget
from shared.kit.concurrency import beside_the_loop
from shared.kit.exceptions import MalformedJson, TooMuchInHand
from shared.kit.problems import Problem, ProblemError, of_exception, pointer_to
from shared.kit.storable_json import nul_refused, parse_json, parsed_bytes
from shared.kit.strict_reader import BatchReader, StrictReader

LARGE_BYTES = 64 * 1024
"""From this size on a body takes milliseconds, and is parsed beside the event loop."""

DEFAULT_BODY_BYTES: Final = 64 * 1024
"""How large a body may be where the endpoint declares nothing else."""

_LIMIT_KEY = "touchstone.body_limit"
BODY_LIMIT_EXTENSION = "x-max-body-bytes"
BODY_SETTING_EXTENSION = "x-max-body-setting"


class BodyLimit:
    """Counts a request's body as it comes in, chunked or not, and refuses it once it is too large or stands still.

    The time counts only while somebody waits for the next piece: a stream may take as long as it likes, and so may who
    reads it.
    """

    __slots__ = (
        "_announced", "_budget", "_held", "_in_hand", "_parsed", "_parsed_budget", "_pause_s", "_receive", "_taken_by",
        "_whole", "holder", "is_declared", "keeps", "max_bytes", "received",
    )  # fmt: skip

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        max_bytes: int,
        pause_s: float,
        budget: ByteBudget,
        parsed_budget: ByteBudget,
    ) -> None:
        self._pause_s = pause_s
        self._budget, self._parsed_budget = budget, parsed_budget
        self._held = self._in_hand = self._parsed = 0
        self._taken_by: Hashable = None
        self.holder: Hashable = None
        self.keeps = True
        self._whole = False
        self._receive = receive
        self._announced = _content_length(scope)
        self.max_bytes: int | None = max_bytes
        self.is_declared = False
        self.received = 0
        scope[_LIMIT_KEY] = self

    async def __call__(self) -> Message:
        limit = self.max_bytes
        if limit is not None and self._announced > limit:
            raise _too_large(limit)
        if self.keeps and self._announced > LARGE_BYTES and not self._held:
            await self.hold(self._announced)
        message = await (self._receive() if self._whole else self._next_piece())
        if message["type"] == "http.request":
            self._whole = not message.get("more_body", False)
            size = len(message.get("body", b""))
            self.received += size
            if limit is not None and self.received > limit:
                raise _too_large(limit)
            if self.keeps and self.received > LARGE_BYTES:
                await self.hold(self.received)
        return message

    async def hold(self, in_hand: int) -> None:
        """Have so many bytes of it in hand, which the process has room for; raises the 503 problem when it has none."""
        self._in_hand = in_hand
        wanted = in_hand if in_hand > LARGE_BYTES else 0
        if wanted > self._held:
            if not self._held:
                self._taken_by = self.holder
            await _take(self._budget, wanted - self._held, self._taken_by)
            self._held = wanted

    async def take_in(self, count: int) -> None:
        """Have so many bytes more in hand; raises the 503 problem."""
        await self.hold(self._in_hand + count)

    def let_go(self, count: int) -> None:
        """Have so many bytes less in hand."""
        self._in_hand -= count
        wanted = self._in_hand if self._in_hand > LARGE_BYTES else 0
        if wanted < self._held:
            self._budget.give_back(self._held - wanted, self._taken_by)
            self._held = wanted

    async def hold_parsed(self, count: int) -> None:
        """Have as many bytes more in hand as what is made of the body takes, until the request ends; raises the 503 problem.

        They are of a budget of their own, which nobody has who still waits for its body.
        """
        if not self._held:
            self._taken_by = self.holder
        await _take(self._parsed_budget, count, self._taken_by)
        self._parsed = count

    def close(self) -> None:
        """The request has ended: nothing of its body is in hand any more."""
        self.let_go(self._in_hand)
        if self._parsed:
            self._parsed_budget.give_back(self._parsed, self._taken_by)
            self._parsed = 0

    async def drain(self, seconds: float, max_bytes: int) -> None:
        """Read what is left of the body and throw it away, for so long and so much at most."""
        drained = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._whole and drained < max_bytes:
                    message = await self._receive()
                    self._whole = message["type"] != "http.request" or not message.get("more_body", False)
                    drained += len(message.get("body", b"")) or 1

    async def _next_piece(self) -> Message:
        try:
            async with asyncio.timeout(self._pause_s):
                return await self._receive()
        except TimeoutError:
            raise Problem(
                408,
                "body-stalled",
                "The body did not come to its end.",
                f"Nothing of it came for {self._pause_s:g} s.",
                headers={"Connection": "close"},  # RFC 9110 §15.5.9
            ) from None


async def _take(budget: ByteBudget, count: int, holder: Hashable) -> None:
    try:
        await budget.take(count, holder)
    except TooMuchInHand as error:
        # A problem, whatever reads the body: FastAPI would make a 400 of any other exception.
        raise of_exception(error, 503) from None


def _content_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _too_large(limit: int) -> Problem:
    return Problem(413, "body-too-large", "The body is too large.", f"At most {limit} bytes are accepted here.")


def lift_body_limit(request: Request, max_bytes: int | None = None) -> None:
    """Let this request's body be larger, or unlimited and not kept: for an endpoint that declares `large_body()`.

    Raises RuntimeError where it declares something else.
    """
    limit: BodyLimit | None = request.scope.get(_LIMIT_KEY)
    if limit is not None:
        if limit.is_declared:
            raise RuntimeError("an endpoint that lifts the limit of its body declares large_body()")
        limit.max_bytes = max_bytes
        limit.keeps = limit.keeps and max_bytes is not None


def stream_body(request: Request) -> "BodyLimit | None":
    """The body is read piece by piece and not kept: who reads it says what of it is in hand, by what this returns."""
    limit: BodyLimit | None = request.scope.get(_LIMIT_KEY)
    if limit is not None:
        limit.keeps = False
    return limit


async def hold_file(request: Request, count: int) -> None:
    """Have so many bytes of an uploaded file in hand, until the request ends; raises the 503 problem."""
    limit: BodyLimit | None = request.scope.get(_LIMIT_KEY)
    if limit is not None:
        await limit.take_in(count)


def name_holder(request: Request, holder: Hashable) -> None:
    """Whose body it is, among whom the room for bodies is shared out."""
    limit: BodyLimit | None = request.scope.get(_LIMIT_KEY)
    if limit is not None:
        limit.holder = holder


def apply_body_limit(request: Request, max_bytes: int) -> None:
    """Limit this request's body to what its endpoint declares."""
    limit: BodyLimit | None = request.scope.get(_LIMIT_KEY)
    if limit is not None:
        limit.max_bytes = max_bytes
        limit.is_declared = True


def body_limit(max_bytes: int) -> dict[str, Any]:
    """For `openapi_extra=` of an endpoint whose body may have other than `DEFAULT_BODY_BYTES`."""
    return {BODY_LIMIT_EXTENSION: max_bytes}


def large_body() -> dict[str, Any]:
    """For `openapi_extra=` of an endpoint whose body may be as large as the setting says, or that lifts the limit."""
    return {BODY_SETTING_EXTENSION: "TOUCHSTONE_MAX_BODY_BYTES"}


JSON: Final = "application/json"
FORMS: Final = ("multipart/form-data", "application/x-www-form-urlencoded")


def media_type_of(request: Request) -> str:
    """The body's media type in lower case, without parameters; empty when the request names none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def require_media_type(request: Request, *accepted: str) -> str:
    """The body's media type; raises the 415 problem for anything but those accepted.

    `application/json` includes what is written in it (`application/*+json`), and is answered for it.
    """
    found = media_type_of(request)
    if JSON in accepted and found.startswith("application/") and found.endswith("+json"):
        found = JSON
    if found not in accepted:
        named = " or ".join(accepted)
        raise Problem(
            415,
            "media-type-not-accepted",
            "The media type is not one of those accepted.",
            f"The body is {named}.",
            headers={"Accept": ", ".join(accepted)},  # RFC 9110 §15.5.16
        )
    return found


def refuse_content_coding(request: Request) -> None:
    """Raises the 415 problem for a body that is compressed: what it unpacks to would be bounded by nothing."""
    codings = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    if not {coding.strip() for coding in codings} <= {"", "identity"}:
        raise Problem(
            415,
            "content-coding-not-accepted",
            "The content coding is not one of those accepted.",
            "The body comes as it is, without Content-Encoding.",
            headers={"Accept-Encoding": "identity"},  # RFC 9110 §12.5.3
        )


def has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


class EdgeRequest(Request):
    """A request whose JSON and forms hold only what can be stored.

    `reader` makes of JSON what the endpoint declares. With it a large body's JSON is a `ReadBody`, and a batch always. `parts` are the names
    that a form may have, each once.
    """

    def __init__(
        self, scope: Scope, receive: Receive, reader: StrictReader | None = None, parts: tuple[str, ...] = ()
    ) -> None:
        super().__init__(scope, receive)
        self._reader = reader
        self._parts = parts

    async def json(self) -> Any:
        if not hasattr(self, "_parsed"):
            raw = await self.body()
            try:
                self._parsed = self._read_small(raw) if len(raw) < LARGE_BYTES else await self._read_large(raw)
            except MalformedJson as error:
                raise json.JSONDecodeError(str(error), "", 0) from None
        return self._parsed

    def _read_small(self, raw: bytes) -> Any:
        return self._reader.read_body(raw) if isinstance(self._reader, BatchReader) else parse_json(raw)

    async def _read_large(self, raw: bytes) -> Any:
        limit: BodyLimit | None = self.scope.get(_LIMIT_KEY)
        if limit is not None:
            await limit.hold_parsed(await beside_the_loop(parsed_bytes, raw))
        return await beside_the_loop(self._read_all, raw)

    def _read_all(self, raw: bytes) -> Any:
        return parse_json(raw) if self._reader is None else self._reader.read_body(raw)

    async def _get_form(self, **limits: Any) -> FormData:
        stream_body(self)  # files go to the disk; `hold_file` is for who reads one
        form = await super()._get_form(**limits)
        try:
            check_form(form, self._parts)
        except Problem:
            await form.close()
            raise
        return form


def check_form(form: FormData, parts: tuple[str, ...]) -> None:
    """Raises the 422 problem for a form with a NUL character, a part that there is not, or one that is given twice."""
    for name, value in form.multi_items():
        text = (value.filename or "") if isinstance(value, UploadFile) else value
        if "\0" in name or "\0" in text:
            raise nul_refused(parameter="the form")
    given = Counter(name for name, _ in form.multi_items())
    takes = f"The parts are {', '.join(parts)}."
    errors = [
        ProblemError(pointer=pointer_to([name]), rule="extra_forbidden", detail=takes)
        for name in given
        if name not in parts
    ] + [
        ProblemError(pointer=pointer_to([name]), rule="given-twice", detail="Each part is given once.")
        for name, times in given.items()
        if name in parts and times > 1
    ]
    if errors:
        raise Problem(422, "invalid-request", "The request breaks a rule.", errors=errors)
