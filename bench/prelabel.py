"""Items a second through prelabel (`POST …/predictions` in batches), against a bare onnxruntime loop over the same batches.

Through the service they are sent as JSON over HTTP, checked, micro-batched, run, calibrated, and answered with
distributions and uncertainty. The baseline runs the same model with the same one thread, turn by turn.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import httpx
import numpy as np
import onnxruntime
import orjson

from deploy.embedded.supervisor import Suite, SuiteSettings
from services.prelabel.compute import training
from services.prelabel.compute.training import TrainingJob
from shared.contracts.events import ModelManifest
from shared.contracts.values import Role

LABELS = ("billing", "delivery", "other")
SCHEMA = {
    "fields": [{"name": "message", "kind": "text"}],
    "questions": [{"name": "topic", "kind": "choice", "labels": list(LABELS)}],
}
TOPICS = {
    "billing": "the invoice for last month was charged twice and nobody answers about the refund that was promised",
    "delivery": "the parcel with the lamp for the kitchen never came and the courier says that it was delivered",
    "other": "thank you for the friendly call and greetings to everybody who was at the desk this morning",
}
AT_A_TIME = 4
ROUNDS = 5
WAIT_S = 60.0
MANIFEST = ModelManifest(
    task="text_classification", schema_version=1, question="topic", field="message", labels=sorted(LABELS),
    input_name=training.INPUT_NAME, output_name=training.OUTPUT_NAME, lowercase=True, collapse_whitespace=True,
)  # fmt: skip


def message(number: int) -> str:
    words = TOPICS[LABELS[number % len(LABELS)]].split()
    turn = number % len(words)
    return f"number {number % 997} {' '.join(words[turn:] + words[:turn])} and {' '.join(words[:turn])}"


def train() -> bytes:
    """A TF-IDF model of some thousand terms."""
    texts = [message(number) for number in range(600)]
    labels = [LABELS[number % len(LABELS)] for number in range(600)]
    return training.train(TrainingJob(MANIFEST, texts, labels, [1.0] * len(texts))).data


def bare_rate(model: bytes, batches: Sequence[list[str]]) -> float:
    """Items a second in a loop that does nothing else."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    started = time.perf_counter()
    for batch in batches:
        session.run([training.OUTPUT_NAME], {training.INPUT_NAME: np.array(batch, dtype=object).reshape(-1, 1)})
    return sum(map(len, batches)) / (time.perf_counter() - started)


class Service:
    """prelabel, with a champion."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def rate(self, batches: Sequence[list[str]]) -> float:
        """Items a second, several requests at a time."""
        waiting = iter(
            [orjson.dumps({"items": [{"fields": {"message": text}} for text in batch]}) for batch in batches]
        )

        async def send() -> None:
            for body in waiting:
                async with self._session.post(self._url, data=body) as answer:
                    answer.raise_for_status()
                    await answer.read()

        started = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(AT_A_TIME)))
        return sum(map(len, batches)) / (time.perf_counter() - started)


async def prepare(suite: Suite, model: bytes) -> UUID:
    """A project with the model as its champion."""
    headers = {"Authorization": f"Bearer {suite.token(Role.ADMIN)}"}
    async with httpx.AsyncClient(base_url=suite.urls["prelabel"], headers=headers, timeout=WAIT_S) as client:
        made = await client.post(f"{suite.urls['ingest']}/v1/projects", json={"name": "Bench", "schema": SCHEMA})
        project_id = UUID(made.raise_for_status().json()["project_id"])
        deadline = time.monotonic() + WAIT_S
        while True:
            answer = await client.post(
                f"/v1/projects/{project_id}/models",
                files={"model": ("model.onnx", model, "application/octet-stream")},
                data={"manifest": MANIFEST.model_dump_json()},
            )
            if answer.status_code != 404 or time.monotonic() > deadline:  # the project is on its way
                break
            await asyncio.sleep(0.2)
        model_id = answer.raise_for_status().json()["model_id"]
        promoted = await client.post(f"/v1/models/{model_id}/promotion", json={"reason": "bench"})
        promoted.raise_for_status()
    return project_id


async def run(items: int, per_request: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = train()
        texts = [message(number) for number in range(items)]
        batches = [texts[start : start + per_request] for start in range(0, items, per_request)]
        settings = SuiteSettings(data_dir=folder / "data", first_port=0, services=("ingest", "prelabel"))
        async with Suite(settings) as suite:
            project_id = await prepare(suite, model)
            headers = {"Authorization": f"Bearer {suite.token(Role.ADMIN)}", "Content-Type": "application/json"}
            # aiohttp, because the client shares two cores with what it drives and a request costs it a third of httpx's.
            async with aiohttp.ClientSession(headers=headers) as session:
                service = Service(session, f"{suite.urls['prelabel']}/v1/projects/{project_id}/predictions")
                await service.rate(batches[:4])
                bare_rate(model, batches[:4])
                bare, through = [], []
                for _ in range(ROUNDS):
                    bare.append(await asyncio.to_thread(bare_rate, model, batches))
                    through.append(await service.rate(batches))
    return {
        "name": "prelabel",
        "ratio": round(float(np.median(through) / np.median(bare)), 3),
        "items_per_s": round(float(np.median(through))),
        "bare_items_per_s": round(float(np.median(bare))),
        "items": items,
        "per_request": per_request,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=8000)
    parser.add_argument("--per-request", type=int, default=250)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(run(given.items, given.per_request))))


if __name__ == "__main__":
    main()
