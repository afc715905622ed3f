"""Two replicas of each service on a real broker: what hangs, dies or ends is replaced in seconds, and nothing is lost."""

from pathlib import Path

import pytest

from tests.chaos.replicas.trial import Plan, hold


@pytest.mark.kafka
@pytest.mark.timeout(480)
@pytest.mark.usefixtures("kafka_url")  # skips where no broker can be had
async def test_replicas_replace_each_other_within_seconds_and_lose_nothing(tmp_path: Path) -> None:
    faults, _ = await hold(tmp_path / "data", Plan())
    assert not faults
