"""Training in a worker process: what it makes, and why it makes nothing."""

import pytest

from services.prelabel.compute import training
from services.prelabel.compute.training import TrainedModel, TrainingJob
from services.prelabel.exceptions import CannotTrain
from tests.service.prelabel.world import WORDS, World, text_manifest


def job(texts: list[str], labels: list[str]) -> TrainingJob:
    return TrainingJob(text_manifest(), texts, labels, [1.0] * len(texts))


async def train(world: World, given: TrainingJob) -> TrainedModel:
    return await world.service.runtime.compute.run(training.train, given, timeout_s=60, memory_mb=2048)


async def test_a_model_of_texts_in_which_words_repeat_answers_as_its_twin_does(world: World) -> None:
    """As in real texts: the exported model counts words as scikit-learn does."""
    texts = [
        f"{words} {words} {words} number {number}" for label in WORDS for words in WORDS[label] for number in range(3)
    ]
    labels = [label for label in WORDS for _ in WORDS[label] for _ in range(3)]
    made = await train(world, job(texts, labels))
    assert made.report.largest_difference < 1e-5
    assert made.manifest.labels == sorted(WORDS)
    assert made.data


async def test_labels_that_give_no_model_are_distinguished_from_bad_luck(world: World) -> None:
    with pytest.raises(CannotTrain, match="no words"):
        await train(world, job(["! !", "? ?", ". ."], ["billing", "delivery", "other"]))
    with pytest.raises(CannotTrain, match="two classes"):
        await train(world, job(["one", "two"], ["billing", "billing"]))
