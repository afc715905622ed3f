"""A broken image is refused alone, and what is kept of one is clean."""

import pytest

from services.ingest.compute import files
from services.prelabel.compute import pictures
from tests.fuzz.mutations import CASES, IMAGES, chance_of, good_images, mutated

MAX_BYTES = 1_000_000
MAX_PIXELS = 100_000


def _make_safe(*images: bytes) -> list[files.SafeFileRow | files.Refusal]:
    return files.make_safe([("image", data) for data in images], MAX_BYTES, MAX_PIXELS)


@pytest.mark.filterwarnings("ignore")  # Pillow's about broken metadata; the services show none either
@pytest.mark.timeout(3600)
def test_a_broken_image_costs_none_of_its_neighbours() -> None:
    before, behind = good_images()[2], good_images()[5]
    alone = _make_safe(before, behind)
    kept = 0
    for case in range(CASES):
        chance = chance_of(case, "image")
        data = mutated(chance, chance.choice(good_images()), IMAGES)
        first, outcome, last = _make_safe(before, data, behind)
        assert [first, last] == alone, case
        if len(outcome) == 2:
            assert not outcome[1].endswith("while reading it"), (case, outcome)
            continue
        kept += 1
        assert outcome[2] * outcome[3] <= MAX_PIXELS, case
        (again,) = _make_safe(outcome[0])
        assert again[1:4] == outcome[1:4], case
        assert again[-1] == [], (case, "what is kept needs no change any more")
    assert kept > CASES // 20, "some mutations leave an image"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(3600)
def test_a_model_misses_no_picture_for_a_broken_one() -> None:
    good = good_images()[5]
    (alone,) = pictures.reduce([good], (4, 4, 3), MAX_PIXELS)
    for case in range(CASES):
        chance = chance_of(case, "picture")
        data = mutated(chance, chance.choice(good_images()), IMAGES)
        first, (shaped, small), last = pictures.reduce([good, data, good], (4, 4, 3), MAX_PIXELS)
        for pixels, thumbnail in (first, last):
            assert pixels is not None
            assert thumbnail is not None
            assert alone[0] is not None
            assert pixels.tobytes() == alone[0].tobytes(), case
        assert (shaped is None) == (small is None), case
