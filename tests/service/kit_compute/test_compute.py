"""The compute pool, with computations that loop, eat memory, crash, and try to get out."""

import asyncio
import os
import pickle
import socket
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.kit.clock import new_id
from shared.kit.compute import wire
from shared.kit.compute.exceptions import (
    ComputeCrashed,
    ComputeFailed,
    ComputeOutOfMemory,
    ComputeRaised,
    ComputeTimeout,
)
from shared.kit.compute.pool import ComputePool
from shared.kit.compute.processes import environment
from shared.kit.compute.waiting_time import waiting_time
from tests.service.kit_compute import computations
from tests.support.slowness import slowness


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ComputePool]:
    made = ComputePool(workers=2, timeout_s=20, memory_mb=512, preload=["tests.service.kit_compute.computations"])
    yield made
    await made.close()


async def gone(process: int) -> None:
    """Wait until a process has ended."""
    async with asyncio.timeout(5):
        while Path(f"/proc/{process}").exists():  # noqa: ASYNC110, ASYNC240  processes notify nobody
            await asyncio.sleep(0.02)


async def test_a_result_comes_back(pool: ComputePool) -> None:
    assert await pool.run(computations.add, 20, 22) == 42


async def test_it_runs_in_another_process_that_is_used_again(pool: ComputePool) -> None:
    first, second = [await pool.run(computations.process) for _ in range(2)]
    assert first == second != os.getpid()


async def test_large_arguments_and_results_cross_whole(pool: ComputePool) -> None:
    value = os.urandom(5_000_000)
    assert await pool.run(computations.echo, value) == value


async def test_what_the_function_raises_is_raised_here(pool: ComputePool) -> None:
    with pytest.raises(computations.Refused) as raised:
        await pool.run(computations.refuse)
    assert raised.value.pointer == "/labels"


async def test_an_exception_that_cannot_cross_goes_by_its_name(pool: ComputePool) -> None:
    with pytest.raises(ComputeRaised, match="raised Unpicklable"):
        await pool.run(computations.raise_unpicklable)


async def test_an_endless_loop_is_ended_and_the_next_call_is_served(pool: ComputePool) -> None:
    started = time.monotonic()
    with pytest.raises(ComputeTimeout, match=r"longer than 0\.3 s"):
        await pool.run(computations.loop_for_ever, timeout_s=0.3)
    assert await pool.run(computations.add, 1, 1) == 2
    assert time.monotonic() - started < 2 * slowness()


async def test_gigabytes_are_refused_and_the_next_call_has_its_memory(pool: ComputePool) -> None:
    with pytest.raises(ComputeOutOfMemory):
        await pool.run(computations.allocate, 4)
    assert await pool.run(computations.allocate, 1, memory_mb=2048) == 1024**3


@pytest.mark.parametrize(
    ("computation", "reason"),
    [(computations.crash, "SIGSEGV"), (computations.end, "status 7")],
)
async def test_a_crash_costs_its_own_call_alone(pool: ComputePool, computation: Callable[[], Any], reason: str) -> None:
    other = asyncio.create_task(pool.run(computations.sleep, 0.1))
    with pytest.raises(ComputeCrashed, match=reason):
        await pool.run(computation)
    assert await other == "slept"


async def test_what_the_system_kills_is_taken_to_need_too_much_memory(pool: ComputePool) -> None:
    with pytest.raises(ComputeOutOfMemory):
        await pool.run(computations.kill_itself)


async def test_processor_time_is_bounded_where_threads_multiply_it(pool: ComputePool) -> None:
    with pytest.raises(ComputeTimeout):
        await pool.run(computations.burn_in_threads, 4, timeout_s=1)


async def test_a_cancelled_call_ends_its_process(pool: ComputePool, tmp_path: Path) -> None:
    running = asyncio.create_task(pool.run(computations.sign_and_loop, str(tmp_path / "began")))
    async with asyncio.timeout(5):
        while not (tmp_path / "began").exists():  # noqa: ASYNC110  files notify nobody
            await asyncio.sleep(0.01)
    (worker,) = pool._rooms[False].busy
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await pool.run(computations.add, 1, 1) == 2
    assert worker not in pool._rooms[False].idle


async def test_a_cancelled_call_that_waits_never_runs(pool: ComputePool, tmp_path: Path) -> None:
    project_id = new_id()
    held = [asyncio.create_task(pool.run(computations.sleep, 0.3, project_id=project_id)) for _ in range(2)]
    waiting = asyncio.create_task(pool.run(computations.sign_and_loop, str(tmp_path / "began"), project_id=project_id))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.gather(*held)
    assert await pool.run(computations.add, 1, 1, project_id=project_id) == 2
    assert not (tmp_path / "began").exists()


async def test_projects_take_turns(pool: ComputePool) -> None:
    """A project with a hundred calls does not make another one wait for them."""
    large, small = new_id(), new_id()
    many = [asyncio.create_task(pool.run(computations.sleep, 0.05, project_id=large)) for _ in range(100)]
    await asyncio.sleep(0.1)
    started = time.monotonic()
    await pool.run(computations.sleep, 0.0, project_id=small)
    assert time.monotonic() - started < 0.5 * slowness()
    for task in many:
        task.cancel()
    await asyncio.gather(*many, return_exceptions=True)


async def test_a_project_cannot_hold_all_workers_while_others_wait(pool: ComputePool) -> None:
    greedy = new_id()
    held = [
        asyncio.create_task(pool.run(computations.loop_for_ever, project_id=greedy, timeout_s=15)) for _ in range(4)
    ]
    await asyncio.sleep(0.3)
    started = time.monotonic()
    assert await pool.run(computations.add, 1, 1, project_id=new_id()) == 2
    assert time.monotonic() - started < 2 * slowness()
    assert sum(len(room.busy) for room in pool._rooms.values()) == pool.workers
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)


async def test_an_urgent_call_waits_for_no_other_work_of_its_project(pool: ComputePool) -> None:
    project = new_id()
    others = [asyncio.create_task(pool.run(computations.loop_for_ever, project_id=project)) for _ in range(5)]
    await asyncio.sleep(0.3)
    async with asyncio.timeout(2):
        sums = [pool.run(computations.add, 1, number, project_id=project, urgent=True) for number in range(3)]
        assert await asyncio.gather(*sums) == [1, 2, 3]
    assert sum(len(room.busy) for room in pool._rooms.values()) == pool.workers
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def test_calls_that_share_memory_wait_until_it_is_there_and_others_do_not() -> None:
    pool = ComputePool(workers=2, timeout_s=20, shared_mb=100)
    try:
        await pool.keep_ready()
        first = asyncio.create_task(pool.run(computations.sleep, 0.5, project_id=new_id(), shared_mb=60))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(pool.run(computations.sleep, 0.0, project_id=new_id(), shared_mb=60))
        assert await pool.run(computations.add, 1, 2, project_id=new_id()) == 3
        assert not second.done()
        assert not first.done()
        await first
        await second
        assert await pool.run(computations.sleep, 0.0, shared_mb=1000) == "slept"  # alone, it has all of it
    finally:
        await pool.close()


async def test_it_is_known_how_long_calls_waited_for_a_worker() -> None:
    pool = ComputePool(workers=1, timeout_s=20)
    try:
        await pool.keep_ready()
        other = asyncio.create_task(pool.run(computations.sleep, 0.5))
        await asyncio.sleep(0.1)
        started = time.monotonic()
        with waiting_time() as waited:
            await pool.run(computations.sleep, 0.2)
        taken_s = time.monotonic() - started
        assert 0.2 < waited.seconds <= taken_s - 0.2
        await other
    finally:
        await pool.close()


async def test_calls_of_one_affinity_go_to_the_worker_that_had_it(pool: ComputePool) -> None:
    async def pair() -> tuple[int, int]:
        one, other = await asyncio.gather(
            pool.run(_process_after, 0.05, affinity="one"), pool.run(_process_after, 0.05, affinity="other")
        )
        return one, other

    one, other = await pair()
    assert one != other
    for _ in range(5):
        assert await pool.run(computations.process, affinity="other") == other
        assert await pool.run(computations.process, affinity="one") == one


def _process_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


async def test_workers_make_no_processes_but_threads(pool: ComputePool) -> None:
    for untrusted in (False, True):
        assert await pool.run(computations.count_forks, untrusted=untrusted) == 0
        assert await pool.run(computations.run_a_thread, untrusted=untrusted)


async def test_workers_see_no_setting(pool: ComputePool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHSTONE_ACTOR_SECRET", "a secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert not {"TOUCHSTONE_ACTOR_SECRET", "AWS_SECRET_ACCESS_KEY"} & environment().keys()
    seen = await pool.run(computations.environment)
    assert not [name for name in seen if name.startswith(("TOUCHSTONE_", "AWS_", "PG"))]
    assert b"TOUCHSTONE" not in await pool.run(computations.raw_environment)


async def test_untrusted_calls_have_no_files(pool: ComputePool) -> None:
    assert await pool.run(computations.open_file, "/etc/hostname")
    with pytest.raises(ComputeRaised, match="raised PermissionError"):
        await pool.run(computations.open_file, "/etc/hostname", untrusted=True)
    with pytest.raises(ComputeRaised, match="raised PermissionError"):
        await pool.run(computations.raw_environment, untrusted=True)


async def test_no_worker_has_the_network_or_reaches_the_service(pool: ComputePool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for untrusted in (False, True):
            assert await pool.run(computations.connect, port, untrusted=untrusted) == "refused"
            assert await pool.run(computations.signal_other, os.getpid(), untrusted=untrusted) == "refused"


async def test_untrusted_results_are_plain_data_and_arrays(pool: ComputePool) -> None:
    value = {"a": [1, 2.5, None, "é", b"\0", (True,)]}
    assert await pool.run(computations.echo, value, untrusted=True) == value
    np.testing.assert_array_equal(await pool.run(computations.array, 4, untrusted=True), computations.array(4))
    with pytest.raises(ComputeCrashed, match="can't be read"):
        await pool.run(computations.identify, untrusted=True)


async def test_ids_that_the_database_made_cross_as_plain_ones(pool: ComputePool) -> None:
    """Workers don't import the driver; confined ones could not."""
    made = new_id()
    assert await pool.run(computations.text_of, made, untrusted=True) == f"UUID {made}"
    assert await pool.run(computations.echo, {made: [made]}) == {made: [made]}


def test_a_hostile_result_imports_nothing() -> None:
    hostile = b"cos\nsystem\n(S'true'\ntR."
    with pytest.raises(Exception, match="not plain data"):
        wire.read_result(hostile, plain=True)


async def test_what_is_preloaded_is_there(pool: ComputePool) -> None:
    assert await pool.run(computations.modules, "tests.service.kit_compute.computations", untrusted=True)


async def test_a_thousand_small_calls_cost_little(pool: ComputePool) -> None:
    """CPU of the service, not wall time: the machine may be busy. About 0.1 ms a call on an idle core."""
    await pool.run(computations.add, 1, 1)
    before = time.process_time()
    for number in range(1000):
        assert await pool.run(computations.add, number, 1) == number + 1
    assert (time.process_time() - before) / 1000 < 0.0005 * slowness()


async def test_a_killed_template_takes_its_workers_along_and_is_replaced() -> None:
    pool = ComputePool(workers=1, timeout_s=20)
    try:
        worker = await pool.run(computations.process)
        template = pool._processes._template
        assert template is not None
        template.kill()
        await gone(worker)
        assert await pool.run(computations.add, 1, 1) == 2
    finally:
        await pool.close()


async def test_idle_processes_end() -> None:
    pool = ComputePool(workers=1, timeout_s=20, idle_s=0.1)
    try:
        worker = await pool.run(computations.process)
        await gone(worker)
        assert await pool.run(computations.process) != worker
    finally:
        await pool.close()


async def test_a_pool_that_is_kept_ready_begins_without_importing_anything() -> None:
    pool = ComputePool(workers=1, timeout_s=20, idle_s=0.1)
    try:
        await pool.keep_ready()
        template = pool._processes._template
        worker = await pool.run(computations.process)
        await gone(worker)
        await asyncio.sleep(0.3)
        assert await pool.run(computations.process) != worker
        assert pool._processes._template is template
    finally:
        await pool.close()


async def test_a_closed_pool_leaves_no_process_and_fails_what_is_under_way() -> None:
    pool = ComputePool(workers=1, timeout_s=20)
    worker = await pool.run(computations.process)
    running = asyncio.create_task(pool.run(computations.loop_for_ever))
    waiting = asyncio.create_task(pool.run(computations.add, 1, 1))
    await asyncio.sleep(0.05)
    await pool.close()
    for task in (running, waiting):
        with pytest.raises(ComputeFailed):
            await task
    await gone(worker)


async def test_it_works_on_the_event_loop_that_services_run_on() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.service.kit_compute.on_uvloop", stderr=asyncio.subprocess.PIPE
    )
    _, output = await process.communicate()
    assert output.splitlines()[-1] == b'[2, "x"]', output.decode()


async def test_workers_that_cannot_start_are_an_honest_failure() -> None:
    pool = ComputePool(workers=1, preload=["no.such.module"])
    try:
        with pytest.raises(ComputeCrashed, match="do not start"):
            await pool.run(computations.add, 1, 1)
    finally:
        await pool.close()


async def test_what_waits_for_a_worker_is_not_copied() -> None:
    pool = ComputePool(workers=1, preload=["tests.service.kit_compute.computations"])
    large = os.urandom(4_000_000)
    tracemalloc.start()
    try:
        await asyncio.gather(*(pool.run(computations.length, large) for _ in range(16)))
        assert tracemalloc.get_traced_memory()[1] < 4 * len(large)
    finally:
        tracemalloc.stop()
        await pool.close()


async def test_what_cannot_be_sent_fails_alone(pool: ComputePool) -> None:
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        await pool.run(computations.echo, lambda: None)
    assert await pool.run(computations.add, 1, 2) == 3
