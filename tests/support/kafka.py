"""The Apache Kafka broker that the tests share."""

import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from deploy.kafka.broker import KafkaBroker, KafkaUnavailable

_state: dict[str, Any] = {}
_lock = threading.Lock()

# A test does not wait minutes for what a broker does in the background.
_IMPATIENT = {
    "log.cleaner.backoff.ms": "100",
    "log.initial.task.delay.ms": "100",
    "log.retention.check.interval.ms": "500",
    "group.min.session.timeout.ms": "300",
}


def broker_url() -> str:
    """`TOUCHSTONE_TEST_KAFKA_URL`, or a broker started now for this run; skips the test where none can be had."""
    with _lock:
        if "missing" in _state:
            pytest.skip(_state["missing"])
        if "url" not in _state:
            _state["url"] = os.environ.get("TOUCHSTONE_TEST_KAFKA_URL") or _start()
        url: str = _state["url"]
        return url


def _start() -> str:
    folder = Path(tempfile.mkdtemp(prefix="touchstone-kafka-"))
    broker = started(KafkaBroker(folder, settings=_IMPATIENT))
    _state.update(broker=broker, folder=folder)
    return broker.url


def started(broker: KafkaBroker) -> KafkaBroker:
    """The broker, running; skips the test where none can be had."""
    try:
        return broker.start()
    except KafkaUnavailable as error:
        shutil.rmtree(broker.data_dir, ignore_errors=True)
        _state["missing"] = f"left out: Apache Kafka ({str(error).splitlines()[0]})"
        if os.environ.get("CI") == "true":
            pytest.fail(f"In CI nothing may be left out. {error}")
        pytest.skip(_state["missing"])


def stop_broker() -> None:
    with _lock:
        broker = _state.pop("broker", None)
        if broker is not None:
            broker.stop()
            shutil.rmtree(_state.pop("folder"), ignore_errors=True)
        _state.clear()
