"""Training in a worker process: what it makes, and why it makes nothing."""

import pytest

from services.prelabel.compute import training
from services.prelabel.compute.training import TrainedModel, TrainingJob
from services.prelabel.exceptions import CannotTrain
from services.prelabel.storage import labels as stored_labels
from shared.contracts.values import Split
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


async def test_the_newest_labels_are_learnt_from_as_far_as_their_texts_are_not_too_long(world: World) -> None:
    await world.begin()
    page = "a long letter about a late parcel " * 300
    size = len(page) + len('{"message": ""}')
    records = {split: [await world.record({"message": page}, split) for _ in range(5)] for split in Split}
    for split, of_split in records.items():
        for record_id in of_split:
            await world.label(record_id, "delivery", split)

    async def learnt(most: int, most_bytes: int) -> list[int]:
        async with world.service.database.transaction() as session:
            examples, newest = await stored_labels.training_set(
                session, world.project_id, 1, most, most_bytes, machine=False
            )
            assert newest > 0
        assert [each.content.fields for each in examples] == [{"message": page}] * len(examples)
        return [records[Split.TRAIN].index(each.record_id) for each in examples]

    assert await learnt(5, 5 * size) == [0, 1, 2, 3, 4]
    assert await learnt(2, 5 * size) == [3, 4]
    assert await learnt(5, 3 * size + size // 2) == [2, 3, 4]
    assert await learnt(5, size // 2) == []
    async with world.service.database.transaction() as session:
        held_out = await stored_labels.measuring_set(session, world.project_id, 1, Split.TEST, 100, 2 * size)
    assert len(held_out) == 2
