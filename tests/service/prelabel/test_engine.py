"""The queue in front of the models, with a model that is only pretended."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from services.prelabel import inference
from services.prelabel.inference import Engine, InferenceFailed, Item, Overloaded
from shared.contracts.events import ModelManifest
from shared.kit.clock import new_id

MANIFEST = ModelManifest(
    task="text_classification", schema_version=1, question="q", field="f", labels=["a", "b"], input_name="i",
    output_name="o",
)  # fmt: skip


class Pretended:
    """Answers with the length of each text; remembers its batches; can be held and stopped."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.stopped = False

    def run(self, items: Sequence[Item]) -> Any:
        self.batches.append(len(items))
        self.gate.wait(5)
        if self.stopped:
            raise InferenceFailed("the model took too long")
        return np.array([[len(str(item)), 0.0] for item in items])

    def stop(self) -> None:
        self.stopped = True
        self.gate.set()


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Pretended:
    pretended = Pretended()
    monkeypatch.setattr(inference, "LoadedModel", lambda _data, _manifest: pretended)
    return pretended


async def loader(_: UUID) -> tuple[bytes, ModelManifest]:
    return b"", MANIFEST


async def test_what_comes_together_runs_together(model: Pretended) -> None:
    async with Engine(loader, batch_items=64, wait_s=0.01) as engine:
        model_id = new_id()
        answers = await asyncio.gather(*(engine.predict(model_id, ["x" * length]) for length in range(1, 33)))
    assert [int(answer[0, 0]) for answer in answers] == list(range(1, 33))
    assert model.batches == [32]


async def test_a_long_request_is_cut_and_put_together_again(model: Pretended) -> None:
    async with Engine(loader, batch_items=10, wait_s=0) as engine:
        answer = await engine.predict(new_id(), ["x" * length for length in range(25)])
    assert answer[:, 0].tolist() == list(range(25))
    assert max(model.batches) <= 10


async def test_models_do_not_mix_in_a_batch(model: Pretended) -> None:
    async with Engine(loader, batch_items=64, wait_s=0.01) as engine:
        ids = [new_id(), new_id()]
        await asyncio.gather(*(engine.predict(ids[number % 2], ["x"]) for number in range(20)))
    assert model.batches == [10, 10]


async def test_a_full_queue_refuses_the_hasty_and_keeps_the_patient(model: Pretended) -> None:
    model.gate.clear()
    async with Engine(loader, queue_items=4, batch_items=2, wait_s=0) as engine:
        model_id = new_id()
        first = asyncio.create_task(engine.predict(model_id, ["x"] * 4))
        await asyncio.sleep(0.02)
        with pytest.raises(Overloaded):
            await engine.predict(model_id, ["x"])
        patient = asyncio.create_task(engine.predict(model_id, ["x"] * 4, patient=True))
        await asyncio.sleep(0.02)
        assert not patient.done()
        model.gate.set()
        assert len(await first) == len(await patient) == 4
        assert engine.waiting == 0


async def test_a_model_that_takes_too_long_is_stopped(model: Pretended) -> None:
    model.gate.clear()
    async with Engine(loader, timeout_s=0.05, wait_s=0) as engine:
        with pytest.raises(InferenceFailed):
            await engine.predict(new_id(), ["x"])
        assert engine.waiting == 0


async def test_who_gives_up_is_forgotten(model: Pretended) -> None:
    model.gate.clear()
    async with Engine(loader, batch_items=1, wait_s=0) as engine:
        model_id = new_id()
        running = asyncio.create_task(engine.predict(model_id, ["x"]))
        await asyncio.sleep(0.02)
        waiting = asyncio.create_task(engine.predict(model_id, ["y"]))
        await asyncio.sleep(0.02)
        waiting.cancel()
        model.gate.set()
        await running
        assert len(await engine.predict(model_id, ["z"])) == 1
        assert engine.waiting == 0
    assert model.batches == [1, 1]


async def test_a_model_that_cannot_be_loaded_fails_its_own_requests_only(model: Pretended) -> None:
    broken = new_id()

    async def picky(model_id: UUID) -> tuple[bytes, ModelManifest]:
        if model_id == broken:
            raise FileNotFoundError
        return b"", MANIFEST

    async with Engine(picky, wait_s=0) as engine:
        answers = await asyncio.gather(
            engine.predict(broken, ["x"]), engine.predict(new_id(), ["x"]), return_exceptions=True
        )
    assert isinstance(answers[0], FileNotFoundError)
    assert not isinstance(answers[1], BaseException)
