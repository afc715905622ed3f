"""Some of the attacks; how long others wait meanwhile is judged by `make attack`, on a machine that does nothing else."""

from pathlib import Path

import pytest

from tests.attack.trial import SHORT, hold
from tests.support.suites import prepared


@pytest.mark.timeout(600)
async def test_one_caller_makes_no_service_fail_and_others_lose_nothing(tmp_path: Path) -> None:
    found = await hold(prepared(tmp_path / "data"), SHORT, records=500)
    assert found.broken() == []
