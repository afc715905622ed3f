"""What a champion's successor waits for, when the champion learnt from an erased record."""

from typing import Any

import pytest

from services.prelabel.exceptions import TrainingFailure
from services.prelabel.operations.successor import wait_of
from services.prelabel.storage.runs import RunState
from services.prelabel.storage.unlearnings import NewestRun
from shared.contracts.policies import LearningPolicy

DONE = NewestRun(RunState.PROMOTED, None)
FAILED = NewestRun(RunState.FAILED, TrainingFailure.NO_COMMON_TERMS)


@pytest.mark.parametrize(
    ("policy", "newest", "enough", "reason"),
    [
        ({}, DONE, True, "training"),
        ({}, NewestRun(RunState.RUNNING, None), True, "training"),
        ({"enabled": False}, NewestRun(RunState.RUNNING, None), True, "training"),
        ({"enabled": False}, DONE, True, "learning_off"),
        ({}, DONE, False, "too_few_labels"),
        ({}, FAILED, False, "too_few_labels"),
        ({}, FAILED, True, "training_failed"),
        ({"promotion": "by_hand"}, NewestRun(RunState.COMPARED, None), True, "promotion_by_hand"),
        ({"promotion": "by_hand"}, NewestRun(RunState.COMPARING, None), True, "promotion_by_hand"),
    ],
)
def test_the_reason_says_what_it_waits_for(
    policy: dict[str, Any], newest: NewestRun, enough: bool, reason: str
) -> None:
    wait = wait_of(LearningPolicy(**policy), newest, enough=enough)
    assert wait.reason == reason
    assert (wait.next_step is None) == (reason == "training"), "whoever can do something is told what"


def test_a_failed_training_names_its_reason() -> None:
    assert "no_common_terms" in (wait_of(LearningPolicy(), FAILED, enough=True).next_step or "")
