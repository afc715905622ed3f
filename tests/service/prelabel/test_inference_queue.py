"""The queue in front of the models, with a pool that is only pretended."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from services.prelabel.domain.items import Item
from services.prelabel.exceptions import InferenceFailed, ModelSetAside, Overloaded
from services.prelabel.inference import Artifact, InferenceLimits, InferenceQueue
from shared.contracts.events import ModelManifest
from shared.kit.clock import new_id
from shared.kit.compute.exceptions import ComputeTimeout

MANIFEST = ModelManifest(
    task="text_classification", schema_version=1, question="q", field="f", labels=["a", "b"], input_name="i",
    output_name="o",
)  # fmt: skip


class Pretended:
    """A pool whose one worker answers with the length of each text; remembers its batches; can be held, and broken."""

    workers = 1

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.loaded: set[UUID] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.breaks: set[UUID] = set()

    async def run(
        self, _function: object, model_id: UUID, items: Sequence[Item], model: object, _most: int, **_limits: object
    ) -> Any:
        if model is None and model_id not in self.loaded:
            return None
        self.loaded.add(model_id)
        self.batches.append(len(items))
        await self.gate.wait()
        if model_id in self.breaks:
            raise ComputeTimeout("the computation took longer than 30 s")
        return np.array([[len(str(item)), 0.0] for item in items])


Made = Callable[..., InferenceQueue]


@pytest.fixture
def pool() -> Pretended:
    return Pretended()


@pytest.fixture
async def queue(pool: Pretended) -> AsyncIterator[Made]:
    made: list[InferenceQueue] = []

    def make(load: Any = load_any, set_aside: Any = forget, **limits: Any) -> InferenceQueue:
        made.append(InferenceQueue(pool, load, set_aside, InferenceLimits(**limits)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def load_any(_: UUID) -> Artifact:
    return Artifact(b"", MANIFEST, new_id())


async def forget(_: UUID, __: str) -> None:
    return


async def test_what_comes_together_runs_together(pool: Pretended, queue: Made) -> None:
    inference, model_id = queue(batch_items=64, wait_s=0.01), new_id()
    answers = await asyncio.gather(*(inference.predict(model_id, ["x" * length]) for length in range(1, 33)))
    assert [int(answer[0, 0]) for answer in answers] == list(range(1, 33))
    assert pool.batches == [32]


async def test_a_long_request_is_cut_and_put_together_again(pool: Pretended, queue: Made) -> None:
    answer = await queue(batch_items=10, wait_s=0).predict(new_id(), ["x" * length for length in range(25)])
    assert answer[:, 0].tolist() == list(range(25))
    assert max(pool.batches) <= 10


async def test_models_do_not_mix_in_a_batch(pool: Pretended, queue: Made) -> None:
    inference, ids = queue(batch_items=64, wait_s=0.01), [new_id(), new_id()]
    await asyncio.gather(*(inference.predict(ids[number % 2], ["x"]) for number in range(20)))
    assert pool.batches == [10, 10]


async def test_a_full_queue_refuses_the_hasty_and_keeps_the_patient(pool: Pretended, queue: Made) -> None:
    pool.gate.clear()
    inference, model_id = queue(queue_items=4, batch_items=2, wait_s=0), new_id()
    first = asyncio.create_task(inference.predict(model_id, ["x"] * 4))
    await asyncio.sleep(0.02)
    with pytest.raises(Overloaded):
        await inference.predict(model_id, ["x"])
    patient = asyncio.create_task(inference.predict(model_id, ["x"] * 4, patient=True))
    await asyncio.sleep(0.02)
    assert not patient.done()
    pool.gate.set()
    assert len(await first) == len(await patient) == 4
    assert inference.waiting == 0


async def test_a_model_that_takes_too_long_is_stopped(pool: Pretended, queue: Made) -> None:
    inference, model_id = queue(wait_s=0), new_id()
    pool.breaks.add(model_id)
    with pytest.raises(InferenceFailed, match="longer than 30 s"):
        await inference.predict(model_id, ["x"])
    assert inference.waiting == 0


async def test_a_model_that_takes_too_long_again_and_again_is_set_aside(pool: Pretended, queue: Made) -> None:
    aside: list[tuple[UUID, str]] = []

    async def note(model_id: UUID, reason: str) -> None:
        aside.append((model_id, reason))

    inference, model_id = queue(set_aside=note, batch_items=1, wait_s=0), new_id()
    pool.breaks.add(model_id)
    answers = await asyncio.gather(
        *(inference.predict(model_id, ["x"]) for _ in range(9)), inference.predict(new_id(), ["y"]),
        return_exceptions=True,
    )  # fmt: skip
    assert [type(answer) for answer in answers[:9]] == [InferenceFailed] * 2 + [ModelSetAside] * 7
    assert not isinstance(answers[9], BaseException)
    assert aside == [(model_id, "the computation took longer than 30 s")]


async def test_a_success_in_between_forgives_a_model(pool: Pretended, queue: Made) -> None:
    inference, model_id = queue(wait_s=0), new_id()
    for broken in (True, True, False, True, True):
        pool.breaks = {model_id} if broken else set()
        if broken:
            with pytest.raises(InferenceFailed) as raised:
                await inference.predict(model_id, ["x"])
            assert not isinstance(raised.value, ModelSetAside)
        else:
            await inference.predict(model_id, ["x"])


async def test_who_gives_up_is_forgotten(pool: Pretended, queue: Made) -> None:
    pool.gate.clear()
    inference, model_id = queue(batch_items=1, wait_s=0), new_id()
    running = asyncio.create_task(inference.predict(model_id, ["x"]))
    await asyncio.sleep(0.02)
    waiting = asyncio.create_task(inference.predict(model_id, ["y"]))
    await asyncio.sleep(0.02)
    waiting.cancel()
    pool.gate.set()
    await running
    assert len(await inference.predict(model_id, ["z"])) == 1
    assert inference.waiting == 0
    assert pool.batches == [1, 1]


async def test_a_model_that_cannot_be_loaded_fails_its_own_requests_only(queue: Made) -> None:
    broken = new_id()

    async def picky(model_id: UUID) -> Artifact:
        if model_id == broken:
            raise FileNotFoundError
        return Artifact(b"", MANIFEST, new_id())

    inference = queue(load=picky, wait_s=0)
    answers = await asyncio.gather(
        inference.predict(broken, ["x"]), inference.predict(new_id(), ["x"]), return_exceptions=True
    )
    assert isinstance(answers[0], FileNotFoundError)
    assert not isinstance(answers[1], BaseException)
