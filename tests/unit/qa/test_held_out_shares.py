"""Which share of records was held out when they came in, by the policies of that time."""

from datetime import UTC, datetime, timedelta

from services.qa.domain.project import Project
from services.qa.operations.population_updates import held_out_shares
from shared.contracts.events import PolicyVersion, ProjectChanged
from shared.contracts.policies import Policies, SplitShares
from shared.contracts.values import ProjectStatus
from shared.kit.clock import new_id

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
DAY_MS = 86_400_000


def policy(version: int, after_days: int, test: float) -> PolicyVersion:
    split = SplitShares(train=0.9 - test, validation=0.1, test=test)
    return PolicyVersion(version=version, policies=Policies(split=split), created_at=BEGUN + timedelta(days=after_days))


def test_a_record_was_held_out_with_the_share_of_the_policies_that_were_made_last_before_it() -> None:
    content = ProjectChanged(
        name="Animals",
        status=ProjectStatus.ACTIVE,
        draw_salt="salt",
        schemas=[],
        guidelines=[],
        policies=[policy(2, 10, 0.3), policy(1, 0, 0.1)],
        active_schema=None,
        active_guideline=None,
        active_policy=2,
        holds_personal_data=False,
    )
    found = held_out_shares(Project(new_id(), 1, content))
    assert [round(one, 6) for one in found.shares] == [0.2, 0.4]
    assert found.since_ms == [0, int(BEGUN.timestamp() * 1000) + 10 * DAY_MS]
