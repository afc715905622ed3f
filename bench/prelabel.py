"""Items a second through prelabel (`POST …/predictions` in batches), against a bare onnxruntime loop over the same batches.

Through the service they are sent as JSON over HTTP, checked, micro-batched, run, calibrated, and answered with
distributions and uncertainty. The baseline runs the same model with the same one thread, turn by turn.
"""

import argparse
import asyncio
import itertools
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

from bench.pipeline import LABELS, SCHEMA, messages
from deploy.embedded.supervisor import Suite, SuiteSettings
from services.prelabel.compute import training
from services.prelabel.compute.training import TrainingJob
from shared.contracts.events import ModelManifest
from shared.contracts.values import Role

AT_A_TIME = 4
ROUNDS = 5
REST_S = 10.0
"""After the promotion prelabel looks more often whether there is something to score or to learn."""
WAIT_S = 60.0
LEARNT = 2_000
MANIFEST = ModelManifest(
    task="text_classification", schema_version=1, question="topic", field="text", labels=sorted(LABELS),
    input_name=training.INPUT_NAME, output_name=training.OUTPUT_NAME, lowercase=True, collapse_whitespace=True,
)  # fmt: skip


def train(examples: Sequence[tuple[str, str]]) -> bytes:
    """A TF-IDF model of some thousand terms, as prelabel trains it."""
    texts, labels = zip(*examples, strict=True)
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
        waiting = iter([orjson.dumps({"items": [{"fields": {"text": text}} for text in batch]}) for batch in batches])

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
        called, examples = messages()
        model = train(examples[:LEARNT])
        texts = [text for text, _ in itertools.islice(itertools.cycle(examples), items)]
        batches = [texts[start : start + per_request] for start in range(0, items, per_request)]
        settings = SuiteSettings(data_dir=folder / "data", first_port=0, services=("ingest", "prelabel"))
        async with Suite(settings) as suite:
            project_id = await prepare(suite, model)
            headers = {"Authorization": f"Bearer {suite.token(Role.ADMIN)}", "Content-Type": "application/json"}
            # aiohttp, because the client shares two cores with what it drives and a request costs it a third of httpx's.
            async with aiohttp.ClientSession(headers=headers) as session:
                service = Service(session, f"{suite.urls['prelabel']}/v1/projects/{project_id}/predictions")
                await service.rate(batches[:4])
                await asyncio.sleep(REST_S)
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
        "texts": called,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--per-request", type=int, default=250)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(run(given.items, given.per_request))))


if __name__ == "__main__":
    main()
