"""Logs that show where and what kind, never what was in it; traces that go along."""

import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from shared.kit import telemetry
from shared.kit.settings import Settings
from tests.support.service import settings_for

SECRET = "jane@example.com"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def settings(**overrides: Any) -> Settings:
    return settings_for(Settings, "postgresql://nobody@localhost/nothing", **({"log_level": "info"} | overrides))


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    before = structlog.get_config()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:], root.level = handlers, level


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]


def fail() -> None:
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise ValueError(f"bad value {SECRET}") from error


def test_an_exception_is_logged_as_types_and_places(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(settings(), "tiny")
    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("it_failed", job_id="7")
    (line,) = lines(capsys)
    assert (line["event"], line["service"], line["level"], line["job_id"]) == ("it_failed", "tiny", "error", "7")
    assert [entry["type"] for entry in line["error"]] == ["builtins.ValueError", "builtins.KeyError"]
    assert "test_telemetry.py" in line["error"][0]["at"][-1]
    assert SECRET not in str(line)


def test_what_libraries_log_comes_out_in_the_same_form_without_messages_of_exceptions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry.configure(settings(), "tiny")
    logging.getLogger("aiokafka").warning("Topic %s is not there\nand more: %s", "records", SECRET)
    logging.getLogger("aiokafka").info("nobody needs this")
    try:
        fail()
    except ValueError as error:
        logging.getLogger("asyncio").exception("Task failed: %r", error)  # noqa: TRY401  as asyncio does
    topic, task = lines(capsys)
    assert (topic["logger"], topic["text"], topic["level"]) == ("aiokafka", "Topic records is not there", "warning")
    assert task["error"][0]["type"] == "builtins.ValueError"
    assert SECRET not in str((topic, task))


def test_a_library_that_repeats_itself_is_logged_once_in_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(settings(), "tiny")
    for second in (0.0, 0.1, 0.2, 60.0):
        record = logging.makeLogRecord(
            {"msg": "No broker", "name": "aiokafka", "levelno": logging.ERROR, "created": 1000.0 + second, "lineno": 7}
        )
        logging.getLogger("aiokafka").handle(record)
    first, later = lines(capsys)
    assert "silenced" not in first
    assert later["silenced"] == 2


def test_the_level_and_the_form_are_settings(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(settings(log_level="warning", log_format="console"), "tiny")
    structlog.get_logger().info("not_shown")
    structlog.get_logger().warning("shown", record_id="7")
    out = capsys.readouterr().out
    assert "not_shown" not in out
    assert "shown" in out
    assert "record_id" in out


def test_a_trace_header_of_a_later_version_may_hold_more() -> None:
    with telemetry.span("request", parent="01" + TRACEPARENT[2:] + "-more"):
        found = telemetry.traceparent()
    assert found is not None
    assert found.split("-")[1] == TRACEPARENT.split("-")[1]


def test_a_trace_id_goes_along_without_any_exporter() -> None:
    assert telemetry.traceparent() is None
    with telemetry.span("outer", parent=TRACEPARENT):
        outer = telemetry.traceparent()
        with telemetry.span("inner"):
            inner = telemetry.traceparent()
    assert outer is not None
    assert inner is not None
    trace = TRACEPARENT.split("-")[1]
    assert [each.split("-")[1] for each in (outer, inner)] == [trace, trace]
    assert len({TRACEPARENT, outer, inner}) == 3
    with telemetry.span("alone"):
        alone = telemetry.traceparent()
    assert alone is not None
    assert alone.split("-")[1] != trace


@pytest.mark.parametrize(
    "rubbish",
    ["", "00-xyz", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", SECRET, "ff" + TRACEPARENT[2:], TRACEPARENT + "-more"],
)
def test_a_malformed_trace_header_begins_a_new_trace(rubbish: str) -> None:
    with telemetry.span("request", parent=rubbish):
        found = telemetry.traceparent()
    assert found is not None
    assert TRACEPARENT.split("-")[1] not in found
    assert "0" * 32 not in found


def test_spans_are_recorded_with_an_exporter_and_never_hold_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry.Tracing, "tracer", provider.get_tracer("test"))
    with pytest.raises(ValueError, match="bad value"), telemetry.span("work", parent=TRACEPARENT):
        fail()
    (span,) = exporter.get_finished_spans()
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}" == TRACEPARENT.split("-")[1]
    assert span.status.status_code is StatusCode.ERROR
    assert SECRET not in span.to_json()
