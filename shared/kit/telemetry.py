"""Logs, metrics and traces.

Logs are one JSON object a line with a constant name and ids as fields; an exception is logged as types and places, never
with its message, because messages repeat the input. A trace context goes with every request and every event, whether or
not spans are exported.
"""

import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final

import orjson
import structlog
from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.kit.settings import Settings

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_propagator = TraceContextTextMapPropagator()
_TRACEPARENT: Final = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_MAX_FRAMES = 12
_LIBRARY_QUIET_S = 5.0
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Tracing:
    """Whether spans are recorded; set once by `configure`. Those that wait are sent when the process ends."""

    tracer: trace.Tracer | None = None
    provider: TracerProvider | None = None


def configure(settings: Settings, service: str) -> None:
    """Set up logs and traces of this process. Doing it twice changes nothing but the log's level and form."""
    _configure_logs(settings, service)
    if settings.otlp_endpoint and Tracing.provider is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider = TracerProvider(resource=Resource.create({"service.name": f"touchstone-{service}"}))
        endpoint = settings.otlp_endpoint.rstrip("/")
        endpoint = endpoint if endpoint.endswith("/v1/traces") else f"{endpoint}/v1/traces"
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        Tracing.provider = provider
        Tracing.tracer = provider.get_tracer("touchstone")
        trace.set_tracer_provider(provider)  # the consumer's spans go there, too


def _configure_logs(settings: Settings, service: str) -> None:
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_messages,
    ]
    level = _LEVELS[settings.log_level]
    if settings.log_format == "json":
        renderer: structlog.types.Processor = structlog.processors.JSONRenderer(serializer=_to_json)
        factory: Any = structlog.BytesLoggerFactory(sys.stdout.buffer if hasattr(sys.stdout, "buffer") else None)
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
        factory = structlog.PrintLoggerFactory(sys.stdout)

    def name_service(_: Any, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
        event["service"] = service
        return event

    structlog.configure(
        processors=[name_service, *shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )
    # What libraries log through the standard library comes out in the same form.
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[_FromLibraries()], force=True)


class _FromLibraries(logging.Handler):
    """Passes library logs on, with the exception described instead of printed.

    A client whose server is away logs the same line many times a second: each place in a library is logged once in
    `_LIBRARY_QUIET_S`, with how often it spoke meanwhile.
    """

    def __init__(self) -> None:
        super().__init__()
        self._logged: dict[tuple[str, int], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        place = (record.pathname, record.lineno)
        logged_at, silenced = self._logged.get(place, (float("-inf"), 0))
        if record.created - logged_at < _LIBRARY_QUIET_S:
            self._logged[place] = (logged_at, silenced + 1)
            return
        self._logged[place] = (record.created, 0)
        # The lines after the first are tracebacks and representations, which may repeat input; so may asyncio's first.
        text = "" if record.name == "asyncio" and record.exc_info else record.getMessage().partition("\n")[0]
        error = record.exc_info[1] if record.exc_info else None
        more = {"silenced": silenced} if silenced else {}
        log.log(record.levelno, "library", logger=record.name, text=text, exc_info=error, **more)


def _to_json(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS)


def _without_messages(_: Any, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Replace `exc_info` by the chain of exception types and the places they passed."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()[1]
    elif isinstance(info, tuple):
        info = info[1]
    if isinstance(info, BaseException):
        event["error"] = describe(info)
    return event


def describe(error: BaseException) -> list[dict[str, Any]]:
    """An exception and its causes: type, PostgreSQL's state and constraint, what the bus refused, and the innermost frames. No message."""
    chain: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 5:  # noqa: PLR2004  deep chains repeat themselves
        kind = type(current)
        entry: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}", "at": _frames(current.__traceback__)}
        for name in ("sqlstate", "constraint_name", "table_name", "refused"):
            value = getattr(current, name, None)
            if isinstance(value, str):
                entry[name] = value
        chain.append(entry)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _frames(trace_: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace_)[-_MAX_FRAMES:]
    return [f"{'/'.join(frame.filename.split('/')[-3:])}:{frame.lineno} {frame.name}" for frame in frames]


def extract(carrier: Mapping[str, str]) -> context.Context:
    """The context that a request or an event came with."""
    return _propagator.extract(carrier)


def traceparent() -> str | None:
    """The W3C header of the present span; None outside of one."""
    if Tracing.tracer is None:
        return _passing.get()
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, parent: str | None = None
) -> AbstractContextManager[Span, bool | None]:
    """A span around some work; `parent` is the traceparent that came with the request or event that causes it.

    Without an exporter nothing is recorded, but the trace id still goes along.
    """
    return _Unrecorded(parent) if Tracing.tracer is None else _recorded(Tracing.tracer, name, kind, parent)


@contextmanager
def _recorded(tracer: trace.Tracer, name: str, kind: SpanKind, parent: str | None) -> Iterator[Span]:
    base = extract({"traceparent": parent}) if parent else None
    with tracer.start_as_current_span(
        name, context=base, kind=kind, record_exception=False, set_status_on_exception=False
    ) as started:
        try:
            yield started
        except Exception as error:  # its message may repeat the input
            started.set_status(StatusCode.ERROR, type(error).__name__)
            raise


_passing: Final[ContextVar[str | None]] = ContextVar("traceparent", default=None)
"""The header of the present span, where none is recorded."""


class _Unrecorded(AbstractContextManager[Span, None]):
    """Ids alone. OpenTelemetry's own objects for a span that nobody records cost a request more than its transaction."""

    __slots__ = ("_parent", "_token")

    def __init__(self, parent: str | None) -> None:
        self._parent = parent

    def __enter__(self) -> Span:
        trace_id, flags = _trace_of(self._parent) or _trace_of(_passing.get()) or (os.urandom(16).hex(), "00")
        self._token = _passing.set(f"00-{trace_id}-{os.urandom(8).hex()}-{flags}")
        return trace.INVALID_SPAN

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        _passing.reset(self._token)


def _trace_of(header: str | None) -> tuple[str, str] | None:
    """The trace's id and flags; None where the header is no `traceparent` (W3C Trace Context, 3.2)."""
    found = None if header is None else _TRACEPARENT.fullmatch(header)
    if found is None or found["span"] == _NO_SPAN or found["trace"] == _NO_TRACE:
        return None
    if found["version"] == "00" and found["more"]:
        return None
    return found["trace"], found["flags"]
