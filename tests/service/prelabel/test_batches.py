"""Which records are selected for people."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import ValidationError

from services.prelabel import metrics
from services.prelabel.domain.evaluation import Measured
from services.prelabel.exceptions import InferenceFailed
from services.prelabel.operations import comparison, model_tests, registry, training
from services.prelabel.storage import comparison_attempts
from services.prelabel.storage.comparison_attempts import ComparisonAttempt
from shared.contracts.events import GoldWithdrawn, LabelRetracted, ModelChanged, RecordPredicted, RecordUnlabelable
from shared.contracts.policies import Policies
from shared.contracts.values import LabelMethod, ModelStage, Split
from shared.kit import outbox
from shared.kit.compute.exceptions import ComputeCrashed
from shared.kit.database import Session
from shared.kit.jobs import CANCELLED
from shared.kit.loops import LoopRunner
from tests.service.prelabel import scoring_process
from tests.service.prelabel.world import DIGIT_SCHEMA, World, eventually, policies, text_manifest, text_model
from tests.support.killed import run_until_killed
from tests.support.service import ServiceUnderTest, service_under_test
from tests.support.slowness import slowness
from tests.service.prelabel.learning import LABELS, QUICK, alive, batch, comparison_is_due, label_all, learning, runs, stages, texts, train_now


async def test_the_cold_start_logs_the_true_chance(world: World) -> None:
    await world.begin(chosen=QUICK)
    await texts(world, 48)
    async with alive(world):
        await eventually(lambda: batch(world, 0))
    rows = await world.fetch(
        "SELECT strategy, selection_probability, count(*) FROM records WHERE project_id = $1 AND batch = 0 GROUP BY 1, 2",
        world.project_id,
    )
    assert sorted(tuple(row) for row in rows) == [("chance", 6 / 48, 6), ("k_means", 1.0, 6)]


async def test_what_comes_late_fills_up_the_cold_start(world: World) -> None:
    await world.begin(chosen=QUICK)
    await texts(world, 5)
    async with alive(world):
        assert len(await eventually(lambda: batch(world, 0))) == 5
        await texts(world, 20)
        assert len(await eventually(lambda: batch(world, 1))) == 7


async def test_held_out_explored_and_gold_records_are_never_selected(world: World) -> None:
    await world.begin(chosen=policies(cold_start=12, batch_size=6, random_share=0.5))
    held_out = await texts(world, 10, Split.TEST)
    train = await texts(world, 40)
    for record_id in train[:5]:
        await world.gold(record_id)
    async with alive(world):
        selected = await eventually(lambda: batch(world, 0))
    explored = {
        row[0] for row in await world.fetch("SELECT record_id FROM records WHERE project_id = $1 AND explored", world.project_id)
    }  # fmt: skip
    assert not set(selected) & {*held_out, *train[:5], *explored}


async def test_records_drawn_by_chance_are_selected_once_nothing_else_is_left(world: World) -> None:
    await world.begin(chosen=policies(cold_start=4, batch_size=4, random_share=1.0))
    await texts(world, 4)
    async with alive(world):
        assert len(await eventually(lambda: batch(world, 0))) == 4
