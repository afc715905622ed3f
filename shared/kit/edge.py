"""The outermost layer of a service: request ids, traces, the access log, metrics, limits, and an answer to every error.

One pure ASGI middleware, because each layer costs every request.
"""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import structlog
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import Counter, Gauge, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.kit import telemetry
from shared.kit.bodies import BodyLimit
from shared.kit.budgets import ByteBudget
from shared.kit.clock import http_date, new_id
from shared.kit.loop_watch import LoopWatch
from shared.kit.problem_mapping import problem_of
from shared.kit.rate_limits import ClientAddresses, RateLimit, rate_headers
from shared.kit.storable_json import nul_refused
from shared.kit.tracebacks import forget_origin

log = structlog.get_logger()

_REQUEST_ID = re.compile(rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|(?=[0-9]*[a-fA-F])[0-9a-fA-F]{16,64}")
"""A UUID, or hexadecimal that is no number: a number may be somebody's card or phone, and ids get into logs."""
_REQUEST_ID_KEY = "touchstone.request_id"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = frozenset({"/live", "/ready", "/metrics"})
_PROTECTION = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""The headers of every answer that doesn't have others of these names."""
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_LINGER_S = 1.0
_LINGER_BYTES = 4 * 1024 * 1024
_CLIENT_ERROR = 400
_TOO_LARGE = 413
_SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR
_CLIENT_CLOSED = 499

DURATION = Histogram(
    "touchstone_http_request_duration_seconds",
    "Time until the last byte of the answer.",
    ("service", "method", "route", "status"),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
IN_FLIGHT = Gauge("touchstone_http_requests_in_flight", "Requests that are being answered.", ("service",))
FAULTS = Counter("touchstone_http_faults_total", "Answers that a fault of the service caused.", ("service", "error"))


class Edge:
    """See the module."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        service: str,
        max_body_bytes: int,
        body_timeout_s: float,
        bodies: ByteBudget,
        parsed: ByteBudget,
        problems: Mapping[type[Exception], int],
        watch: LoopWatch,
        address_rate: float = 0,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        self._app = app
        self._service = service
        self._max_body_bytes = max_body_bytes
        self._body_timeout_s = body_timeout_s
        self._bodies, self._parsed = bodies, parsed
        self._problems = problems
        self._watch = watch
        self._address_rate = RateLimit("address", address_rate) if address_rate else None
        self._addresses = ClientAddresses(trusted_proxies)
        self._in_flight = IN_FLIGHT.labels(service)
        self._durations: dict[tuple[str, str, int], Any] = {}
        self._log: Any = None  # bound at the first request, when logging is configured: a lazy logger costs each one

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = _method(scope)
        if method == "HEAD":
            # The answer is that to GET, less its body (RFC 9110 §9.3.2). A copy: the server knows by its own what was asked.
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        headers = _Headers(scope)
        scope[_REQUEST_ID_KEY] = request_id = headers.request_id or new_id().hex
        id_header = (b"x-request-id", request_id.encode())
        started = time.perf_counter()
        status = 0
        limited = BodyLimit(scope, receive, self._max_body_bytes, self._body_timeout_s, self._bodies, self._parsed)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _complete([*message.get("headers", ()), *rate_headers(scope)], id_header)
            elif status >= _CLIENT_ERROR and status != _TOO_LARGE and limited.received and not message.get("more_body"):
                # Who is refused in the middle of a body is still sending it. To close the connection now would reset it,
                # and the answer would be lost on the way.
                await send({**message, "more_body": True})
                await limited.drain(_LINGER_S, _LINGER_BYTES)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)
        self._in_flight.inc()
        try:
            with self._watch, telemetry.span("HTTP " + method, SpanKind.SERVER, headers.traceparent) as span:
                try:
                    _refuse_nul(scope)
                    if self._address_rate is not None and scope["path"] not in _QUIET:
                        self._address_rate.take(scope, self._addresses.find(scope, headers.forwarded_for))
                    await self._app(scope, limited, send_with_id)
                except ClientDisconnect:
                    status = status or _CLIENT_CLOSED
                except Exception as error:
                    if status:
                        log.exception("answer_broken_off", error_type=type(error).__name__)
                        raise
                    await self._answer_error(error, request_id, scope, receive, send_with_id)
                _describe(span, method, scope, status)
        finally:
            limited.close()
            self._in_flight.dec()
            self._account(method, scope, status, time.perf_counter() - started)
            structlog.contextvars.unbind_contextvars("request_id")

    async def _answer_error(
        self, error: Exception, request_id: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        problem = problem_of(error, self._problems)
        if problem.status >= _SERVER_ERROR:
            FAULTS.labels(self._service, problem.type).inc()
            if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
                log.warning("request_refused_for_now", problem=problem.type, error_type=type(error).__name__)
            else:
                log.error("request_failed", problem=problem.type, exc_info=error)
        forget_origin(error)
        await problem.response(request_id)(scope, receive, send)

    def _account(self, method: str, scope: Scope, status: int, seconds: float) -> None:
        route = route_path(scope)
        key = (method, route or "unmatched", status)
        duration = self._durations.get(key)
        if duration is None:
            duration = self._durations[key] = DURATION.labels(self._service, *key)
        duration.observe(seconds)
        if scope["path"] in _QUIET:
            return
        # The path itself may hold what a client should not have put there; the route and the ids in it don't.
        ids = {
            name: value
            for name, value in (scope.get("path_params") or {}).items()
            if _UUID.fullmatch(str(value)) is not None
        }
        if self._log is None:
            self._log = log.bind()
        self._log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 2), **ids)


def _complete(headers: Iterable[tuple[bytes, bytes]], id_header: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """The answer's headers with those that every answer has."""
    whole = [(b"date", http_date()), *headers, id_header]
    names = {name for name, _ in whole}
    whole += [header for header in _PROTECTION if header[0] not in names]
    return whole


class _Headers:
    """The few headers this layer reads."""

    __slots__ = ("forwarded_for", "request_id", "traceparent")

    def __init__(self, scope: Scope) -> None:
        self.request_id: str | None = None
        self.traceparent: str | None = None
        self.forwarded_for: str | None = None
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                self.request_id = value.decode()
            elif name == b"traceparent":
                self.traceparent = value.decode("latin-1")
            elif name == b"x-forwarded-for":
                before = "" if self.forwarded_for is None else f"{self.forwarded_for},"
                self.forwarded_for = before + value.decode("latin-1")


def request_id_of(scope: Scope) -> str | None:
    found: str | None = scope.get(_REQUEST_ID_KEY)
    return found


def route_path(scope: Scope) -> str | None:
    """The template of the path that was matched."""
    route = scope.get("route")
    found: str | None = getattr(route, "path_format", None) or getattr(route, "path", None)
    return found


def _without_body(send: Send) -> Send:
    async def send_start(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await send({"type": "http.response.body", "body": b""})
        if message.get("more_body"):
            raise ClientDisconnect  # a stream, which need not go on

    return send_start


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else "OTHER"


def _refuse_nul(scope: Scope) -> None:
    if "\0" in scope["path"]:
        raise nul_refused(parameter="the path", status=400)
    query: bytes = scope["query_string"]
    if b"%" in query and "\0" in unquote(query.decode("latin-1")):
        raise nul_refused(parameter="the query", status=400)


def _describe(span: trace.Span, method: str, scope: Scope, status: int) -> None:
    if not span.is_recording():
        return
    route = route_path(scope)
    span.update_name(f"{method} {route or 'unmatched'}")
    span.set_attributes({"http.request.method": method, "http.response.status_code": status})
    if route:
        span.set_attribute("http.route", route)
    if status >= _SERVER_ERROR:
        span.set_status(StatusCode.ERROR)
