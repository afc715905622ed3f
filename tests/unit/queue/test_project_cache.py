"""What a process remembers of projects is bounded, and never what a set of events lacks."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from services.queue.storage import projects
from shared.contracts.events import PolicyVersion, ProjectChanged
from shared.contracts.policies import Policies
from shared.contracts.values import ProjectStatus
from shared.kit.clock import utc_now
from shared.kit.database import Session

CONTENT = ProjectChanged(
    name="A project",
    status=ProjectStatus.ACTIVE,
    schemas=[],
    guidelines=[],
    policies=[PolicyVersion(version=1, policies=Policies(), created_at=utc_now())],
    active_schema=None,
    active_guideline=None,
    active_policy=1,
    draw_salt="0" * 64,
).model_dump_json()


class Rows:
    """A connection to a database that has every project, and no threshold."""

    async def fetch(self, statement: str, project_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        if "FROM thresholds" in statement:
            return []
        return [
            {"project_id": each, "revision": 1, "thresholds_revision": 0, "content": CONTENT} for each in project_ids
        ]


async def test_a_set_finds_each_of_its_projects_however_few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projects, "_KEPT", 1)
    session = cast("Session", SimpleNamespace(raw=Rows()))
    cache, known, new = projects.ProjectCache(), uuid4(), uuid4()
    assert (await cache.hold(session, [known])).keys() == {known}
    assert (await cache.hold(session, [known, new])).keys() == {known, new}
