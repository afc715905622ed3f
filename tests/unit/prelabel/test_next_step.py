"""What learning waits for, as a sentence."""

from dataclasses import replace
from typing import Any

import pytest

from services.prelabel.domain import next_step
from services.prelabel.domain.learning_schedule import Labels, LastBatch, LearningProgress
from services.prelabel.domain.next_step import ComparisonWait, ValidationSupply, Waiting
from services.prelabel.domain.project import Project
from services.prelabel.exceptions import TrainingFailure
from shared.contracts.answers import LabelSchema
from shared.contracts.events import PolicyVersion, ProjectChanged, SchemaVersion
from shared.contracts.policies import LearningPolicy, Policies
from shared.contracts.values import ProjectStatus
from shared.kit.clock import new_id, utc_now

SCHEMA = {
    "fields": [{"name": "message", "kind": "text"}],
    "questions": [{"name": "topic", "kind": "choice", "labels": ["billing", "other"]}],
}
CHANGED = ProjectChanged(
    name="a project",
    status=ProjectStatus.ACTIVE,
    draw_salt="salt",
    schemas=[SchemaVersion(version=1, label_schema=LabelSchema.model_validate(SCHEMA), created_at=utc_now())],
    guidelines=[],
    policies=[PolicyVersion(version=1, policies=Policies(), created_at=utc_now())],
    active_schema=1,
    active_guideline=None,
    active_policy=1,
)
MODEL_ID = new_id()
PROJECT = Project.of(new_id(), 1, CHANGED)
PROGRESS = LearningProgress(
    last=LastBatch(1, 80, 0, 180), labels=Labels(0, two_classes=True), trained=True, training=False, waiting=None,
    rescoring=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "more", "words"),
    [
        ({"last": LastBatch(2, 80, 12, 260)}, {}, "12 of 80 records of batch 2 are to be labelled"),
        ({}, {"candidates": 500}, "next batch"),
        ({}, {}, "Import records"),
        ({"labels": Labels(7, two_classes=False)}, {}, "of one class. Label records of another class"),
        ({"rescoring": True}, {}, "scores the open records"),
        ({"training": True}, {}, "being trained"),
        ({}, {"failure": TrainingFailure.ONE_CLASS}, "failed (one_class). Label records of another class"),
        ({"training": True}, {"failure": TrainingFailure.CRASHED}, "last attempt failed (crashed)"),
        (
            {},
            {"waiting": Waiting(MODEL_ID, 3, ValidationSupply(12, 50))},
            "Model 3 is a challenger. It predicts nothing until 50 labels",
        ),
        (
            {},
            {"waiting": Waiting(MODEL_ID, 3, ValidationSupply(12, 30))},
            "the split has only 42 records for it: import more",
        ),
        ({}, {"waiting": Waiting(MODEL_ID, 3, ValidationSupply(50, 0))}, "It is compared now"),
    ],
)
def test_the_next_step_names_what_learning_waits_for(changes: dict[str, Any], more: dict[str, Any], words: str) -> None:
    usual: dict[str, Any] = {"candidates": 0, "waiting": None, "failure": None}
    assert words in next_step.of_project(PROJECT, replace(PROGRESS, **changes), **(usual | more))


def test_a_project_that_cannot_learn_is_told_why() -> None:
    paused, without = replace(PROJECT, status=ProjectStatus.PAUSED), replace(PROJECT, objective=None)
    assert "until the project is active" in next_step.of_project(paused, PROGRESS, 9, None, None)
    assert "choice question" in next_step.of_project(without, PROGRESS, 9, None, None)


@pytest.mark.parametrize("objective", [PROJECT.objective, None])
def test_a_project_whose_learning_is_off_waits_for_no_batch(objective: Any) -> None:
    off = CHANGED.policies[0].model_copy(update={"policies": Policies(learning=LearningPolicy(enabled=False))})
    project = replace(PROJECT, policies=off.policies, objective=objective)
    for last, candidates in ((LastBatch(1, 98, 98, 98), 1000), (PROGRESS.last, 1000), (PROGRESS.last, 0)):
        said = next_step.of_project(project, replace(PROGRESS, last=last), candidates, None, None)
        assert said.startswith("Learning is off by the policy")
    failed = next_step.of_project(project, PROGRESS, 0, None, TrainingFailure.ONE_CLASS)
    assert "of another class" in failed
    assert "being trained" in next_step.of_project(project, replace(PROGRESS, training=True), 0, None, None)


def test_a_challenger_under_promotion_by_hand_waits_for_somebody() -> None:
    policies = Policies(learning=LearningPolicy(promotion="by_hand", promotion_held_out=20))
    assert "(3 now) and somebody promotes it" in next_step.of_challenger(policies, MODEL_ID, ValidationSupply(3, 20))
    assert "promote it by hand" in next_step.of_challenger(policies, MODEL_ID, ValidationSupply(20, 0))


@pytest.mark.parametrize("supply", [ValidationSupply(0, 50), ValidationSupply(0, 0)])
def test_how_a_challenger_is_used_without_a_comparison_is_named(supply: ValidationSupply) -> None:
    sentence = next_step.of_project(PROJECT, PROGRESS, 0, Waiting(MODEL_ID, 3, supply), None)
    assert f"To use it now, promote it: POST /v1/models/{MODEL_ID}/promotion, with the reason." in sentence


@pytest.mark.parametrize(
    ("have", "open_records", "reason"),
    [
        (20, 0, ComparisonWait.DUE),
        (3, 17, ComparisonWait.TOO_FEW_LABELS),
        (3, 16, ComparisonWait.TOO_FEW_RECORDS),
        (0, 0, ComparisonWait.TOO_FEW_RECORDS),
    ],
)
def test_why_a_challenger_waits(have: int, open_records: int, reason: ComparisonWait) -> None:
    assert ValidationSupply(have, open_records).wait(LearningPolicy(promotion_held_out=20)) is reason


def test_every_reason_that_people_can_mend_names_its_cure() -> None:
    for failure in TrainingFailure:
        sentence = next_step.of_project(PROJECT, PROGRESS, 0, None, failure)
        assert failure in sentence
        assert ("log" in sentence) is (failure in {"crashed", "interrupted", "fault"})
