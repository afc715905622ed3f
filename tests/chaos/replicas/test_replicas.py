"""Two replicas of each service on a real broker: what hangs, dies or ends is replaced in seconds, and nothing is lost."""

from pathlib import Path

import pytest

from tests.chaos.replicas.trial import Plan, hold
from tests.support.suites import prepared

_TAKE_OVER_S = 45.0  # other tests run beside this one, on any machine: `make replicas` holds them to ten


@pytest.mark.kafka
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("kafka_url")  # skips where no broker can be had
async def test_replicas_replace_each_other_within_seconds_and_lose_nothing(tmp_path: Path) -> None:
    faults, _ = await hold(prepared(tmp_path / "data"), Plan(take_over_s=_TAKE_OVER_S))
    assert not faults
