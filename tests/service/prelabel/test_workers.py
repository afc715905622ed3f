"""The processes beside the service."""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.prelabel import workers
from services.prelabel.workers import Trainer, TrainingProcessLost, work_folder
from tests.service.prelabel.world import WORDS, eventually


@pytest.fixture
async def trainer() -> AsyncIterator[Trainer]:
    made = Trainer(timeout_s=60, memory_mb=4096, idle_s=600)
    yield made
    await made.close()


def write_job(folder: Path, **changes: Any) -> None:
    texts = [f"{words} {number}" for label in WORDS for words in WORDS[label] for number in range(3)]
    labels = [label for label in WORDS for _ in WORDS[label] for _ in range(3)]
    job = {"task": "text_classification", "texts": texts, "labels": labels, "weights": [1.0] * len(texts)}
    (folder / "job.json").write_text(json.dumps(job | changes))


def process_of(trainer: Trainer) -> int:
    assert trainer._process is not None
    return trainer._process.pid


async def test_one_process_serves_many_jobs(trainer: Trainer) -> None:
    await trainer.warm()
    first = process_of(trainer)
    for _ in range(2):
        async with work_folder() as folder:
            write_job(folder)
            answer = await trainer.train(folder)
            assert answer["done"], answer
            assert (folder / "model.onnx").stat().st_size > 0
    assert process_of(trainer) == first


async def test_a_killed_process_is_told_of_and_replaced(trainer: Trainer) -> None:
    async with work_folder() as folder:
        write_job(folder)
        await trainer.train(folder)
        os.kill(process_of(trainer), signal.SIGKILL)
        with pytest.raises(TrainingProcessLost):
            await trainer.train(folder)
        assert (await trainer.train(folder))["done"]


async def test_a_training_that_takes_too_long_is_ended() -> None:
    trainer = Trainer(timeout_s=60, memory_mb=4096, idle_s=600)
    async with work_folder() as folder:
        write_job(folder)
        await trainer.train(folder)
        process = process_of(trainer)
        trainer._timeout_s = 0.0
        with pytest.raises(TrainingProcessLost, match="longer"):
            await trainer.train(folder)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


async def test_an_idle_process_is_ended(trainer: Trainer) -> None:
    await trainer.warm()
    process = process_of(trainer)
    await trainer.rest()
    assert process_of(trainer) == process
    trainer._idle_s = 0
    await trainer.rest()
    assert trainer._process is None


async def test_labels_without_hope_are_told_from_bad_luck(trainer: Trainer) -> None:
    async with work_folder() as folder:
        write_job(folder, texts=["! !", "? ?", ". ."], labels=["a", "b", "c"], weights=[1, 1, 1])
        answer = await trainer.train(folder)
    assert (answer["done"], answer["hopeless"]) == (False, True)


async def test_the_process_ends_with_the_service_and_leaves_no_content(trainer: Trainer) -> None:
    await trainer.warm()
    await trainer._ready()
    assert trainer._process is not None
    assert trainer._process.stdin is not None
    folder = Path(tempfile.mkdtemp())
    write_job(folder, texts=["word " * 20_000] * 400, labels=["a", "b"] * 200, weights=[1] * 400)
    trainer._process.stdin.write(f"{folder}\n".encode())
    await trainer._process.stdin.drain()
    await asyncio.sleep(0.2)
    trainer._process.stdin.close()
    async with asyncio.timeout(10):
        await trainer._process.wait()

    async def gone() -> bool:
        return not await asyncio.to_thread(folder.exists)

    await eventually(gone, 5)


def test_a_process_beside_us_sees_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHSTONE_JWT_KEY", "a secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert not {"TOUCHSTONE_JWT_KEY", "AWS_SECRET_ACCESS_KEY"} & workers._environment().keys()


def test_what_a_killed_service_left_is_swept_away() -> None:
    dead = Path(tempfile.mkdtemp(prefix=f"{workers._PREFIX}-{2**22 + 1}-"))
    alive = Path(tempfile.mkdtemp(prefix=f"{workers._PREFIX}-{os.getpid()}-"))
    try:
        workers.sweep()
        assert (dead.exists(), alive.exists()) == (False, True)
    finally:
        alive.rmdir()
