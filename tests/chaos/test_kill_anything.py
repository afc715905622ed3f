"""Kill any process at any moment: nothing is lost and nothing counts twice."""

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.demo.audit import audit
from deploy.demo.client import Client
from deploy.demo.digits import load_digits
from deploy.demo.outcome import END_STATES
from deploy.demo.people import make_crowd
from deploy.demo.project import QUESTION, Stage, set_stage
from deploy.demo.watch import Watch
from deploy.demo.work import SimulatedAnnotator, WorkLog
from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.services import SERVICE_NAMES
from shared.contracts.values import Role
from tests.support.suites import prepared

RECORDS = 300
PACE = 20.0
KILLS = 12
BETWEEN_KILLS_S = (1.0, 4.0)
DEADLINE_S = 240.0
QUIET_S = 3.0
SEED = 7


@pytest.fixture
async def suite(tmp_path: Path) -> AsyncIterator[Suite]:
    settings = SuiteSettings(
        data_dir=prepared(tmp_path / "data"),
        first_port=0,
        durable=True,
        environment={"TOUCHSTONE_TOPIC_PREFIX": f"chaos-{secrets.token_hex(4)}."},
    )
    async with Suite(settings) as running:
        yield running


async def _kill_at_random(suite: Suite, dice: random.Random, killed: list[str]) -> None:
    """SIGKILL services and the database, one after the other; every one of them at least twice."""
    victims = [*SERVICE_NAMES, "postgres"] * 2
    victims += dice.choices(victims, k=KILLS - len(victims))
    dice.shuffle(victims)
    for victim in victims:
        await asyncio.sleep(dice.uniform(*BETWEEN_KILLS_S))
        if victim == "postgres":
            await suite.kill_postgres()
        else:
            suite.services[victim].kill()
        killed.append(victim)


async def _finish(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks)


async def _all_ended(client: Client, stage: Stage, watch: Watch) -> None:
    """Wait until qa lists every record in an end state and nothing has changed for a while."""
    until = time.monotonic() + DEADLINE_S
    quiet_since: float | None = None
    while quiet_since is None or time.monotonic() - quiet_since < QUIET_S:
        assert time.monotonic() < until, f"{len(watch.ended)} of {len(stage.truth)} records ended"
        quiet_since = (quiet_since or time.monotonic()) if watch.all_ended else None
        await asyncio.sleep(0.2)


@pytest.mark.timeout(600)
async def test_every_record_ends_once_and_every_acknowledged_annotation_counts_once(suite: Suite) -> None:
    dice = random.Random(SEED)
    digits = load_digits()[:RECORDS]
    crowd = make_crowd(SEED)
    manager = suite.token(Role.MANAGER, Role.AUDITOR, Role.TRAINER, subject="manager")
    product = suite.token(Role.PRODUCT, subject="product")
    log, done, killed = WorkLog(), asyncio.Event(), list[str]()
    async with Client(suite.urls) as client:
        stage = await set_stage(client, digits, crowd, manager, product, SEED)
        watch = Watch(client, stage)
        workers = [
            SimulatedAnnotator(
                client,
                stage,
                person,
                suite.token(
                    Role.ANNOTATOR, *([Role.ARBITER] if person.expert else []),
                    subject=person.subject, projects=[stage.project_id],
                ),
                log,
                PACE,
            )
            for person in crowd.everyone
        ]  # fmt: skip
        async with contextlib.AsyncExitStack() as stack:
            tasks = [asyncio.create_task(worker.work(done)) for worker in workers]
            tasks.append(asyncio.create_task(watch.follow(done)))
            stack.push_async_callback(_finish, tasks)
            stack.callback(done.set)
            await _kill_at_random(suite, dice, killed)
            await _all_ended(client, stage, watch)
        found = await audit(client, stage.project_id, QUESTION, stage.manager)

    assert set(killed) == {*SERVICE_NAMES, "postgres"}
    assert len(stage.truth) == RECORDS
    for record_id in stage.truth:
        states = [ending.state for ending in found.endings[record_id]]
        assert len(states) == 1, (record_id, states)
        assert states[0] in END_STATES, (record_id, states)
    acknowledged = [given.annotation_id for given in log.acknowledged]
    assert len(acknowledged) == len(set(acknowledged)), "an annotation was acknowledged under two ids"
    assert {annotation_id: found.counted[annotation_id] for annotation_id in acknowledged} == dict.fromkeys(
        acknowledged, 1
    )
    assert set(found.counted) <= set(acknowledged), "an annotation counts that nobody got an answer for"
