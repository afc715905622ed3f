"""A product system: it deploys the champion's ONNX file, predicts, and later learns what was true."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from deploy.demo.client import Client
from deploy.demo.digits import Digit, as_model_input
from deploy.demo.project import QUESTION, Stage

SAMPLE = 600  # a third of the records: of the others no outcome becomes known
_WRONG_OUTCOMES = 4  # outcomes that the product itself gets wrong


@dataclass(frozen=True)
class DeployedModel:
    """A model as a product runs it: from the artifact that prelabel serves, by onnxruntime."""

    model_id: UUID
    version: int
    manifest: Mapping[str, Any]
    artifact: bytes

    def predict(self, digits: Sequence[Digit]) -> tuple[list[str], NDArray[np.float32]]:
        """The best label of each digit and its probability."""
        import onnxruntime

        session = onnxruntime.InferenceSession(self.artifact, providers=["CPUExecutionProvider"])
        given = as_model_input(digits, scale=self.manifest["scale"], layout=self.manifest["layout"])
        probabilities = session.run([self.manifest["output_name"]], {self.manifest["input_name"]: given})[0]
        best = probabilities.argmax(axis=1)
        labels = [self.manifest["labels"][place] for place in best]
        return labels, probabilities[np.arange(len(labels)), best]


async def deploy_model(client: Client, stage: Stage, model: Mapping[str, Any]) -> DeployedModel:
    served = await client.call("prelabel", "GET", f"/models/{model['model_id']}/artifact", stage.manager)
    artifact = served if isinstance(served, bytes) else await client.fetch("prelabel", served["url"])
    return DeployedModel(UUID(model["model_id"]), model["version"], model["manifest"], artifact)


def accuracy(model: DeployedModel, stage: Stage) -> float:
    """Measured with the true digits on the held-out records, which no model was trained on."""
    record_ids = sorted(stage.held_out)
    labels, _ = model.predict([stage.digits[record_id] for record_id in record_ids])
    right = [label == str(stage.truth[record_id]) for label, record_id in zip(labels, record_ids, strict=True)]
    return sum(right) / len(right)


async def report_feedback(client: Client, stage: Stage, model: DeployedModel, product: str, seed: int) -> int:
    """Report a random sample of live predictions with their outcomes; a few outcomes are wrong themselves."""
    dice = random.Random(f"feedback-{seed}")  # noqa: S311  a simulation, no secret
    sample = dice.sample(sorted(stage.truth.keys() - stage.gold), SAMPLE)
    mistaken = set(sample[:_WRONG_OUTCOMES])
    labels, confidences = model.predict([stage.digits[record_id] for record_id in sample])
    reports = []
    for record_id, label, confidence in zip(sample, labels, confidences, strict=True):
        outcome = str((stage.truth[record_id] + (record_id in mistaken)) % 10)
        report: dict[str, Any] = {
            "feedback_id": f"outcome-{stage.digits[record_id].external_id}",
            "record_id": str(record_id),
            "model_id": str(model.model_id),
            "prediction": {QUESTION: {"label": label}},
            "confidence": round(float(confidence), 6),
            "verdict": "confirmed" if label == outcome else "corrected",
            "observed_at": datetime.now(UTC).isoformat(),
        }
        if label != outcome:
            report["correction"] = {QUESTION: {"label": outcome}}
        reports.append(report)
    path = f"/projects/{stage.project_id}/feedback"
    await client.call("ingest", "POST", path, product, body={"feedback": reports})
    return len(reports)
