"""The largest answers that a schema admits cost at most a second and 200 MB, however their regions lie.

CPU time, since the machine may be busy; memory as Python and numpy allocate it.
"""

import json
import time
import tracemalloc
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.qa.domain import kinds
from services.qa.domain.votes import ItemVotes, Vote
from shared.contracts.answers.kinds.boxes import BoxesQuestion
from shared.contracts.answers.kinds.spans import SpansQuestion
from shared.contracts.answers.question import MAX_REGIONS
from tests.support.left_out import NOT_BESIDE
from tests.support.slowness import slowness

CASES = Path(__file__).parents[3].parent / "shared" / "cases" / "answers.json"

PEOPLE = 3
MOST_CPU_S = 1.0
MOST_BYTES = 200e6
BUSY = 2.0
"""What a busy neighbour on the same core may cost; alone on a core of 2026 the dearest case takes about half a second."""

SIZE = MAX_REGIONS
EVERY = np.arange(SIZE)
BOXES = kinds.of(BoxesQuestion(name="q", kind="boxes", field="image", labels=["car", "bus"], rotation=True))
SPANS = kinds.of(SpansQuestion(name="q", kind="spans", field="text", labels=["PER", "ORG"]))
FLAT_SPANS = kinds.of(SpansQuestion(name="q", kind="spans", field="text", labels=["PER"], overlapping=False))
Values = np.ndarray | float


def boxes(
    x: Values, y: Values, width: Values = 20.0, height: Values = 20.0, turn: Values = 0.0, label: Any = "car"
) -> Any:
    columns = [np.broadcast_to(value, SIZE).tolist() for value in (x, y, width, height, np.asarray(turn) % 360, label)]
    names = ("x", "y", "width", "height", "rotation", "label")
    return {"boxes": [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]}


def spans(start: Values, end: Values) -> Any:
    edges = zip(np.broadcast_to(start, SIZE).tolist(), np.broadcast_to(end, SIZE).tolist(), strict=True)
    return {"spans": [{"start": int(left), "end": int(right), "label": "PER"} for left, right in edges]}


def chance(person: int) -> np.random.Generator:
    return np.random.default_rng(person)


def scattered(person: int, over: float) -> tuple[np.ndarray, np.ndarray]:
    x, y = chance(person).random((2, SIZE)) * over
    return x, y


ARRANGEMENTS: dict[str, tuple[kinds.Kind, Callable[[int], Any]]] = {
    "like boxes in a row": (BOXES, lambda _: boxes(10 + EVERY / 1000, 10.0)),
    "one box 2,000 times": (BOXES, lambda _: boxes(10.0, 10.0)),
    "each person's row shifted": (BOXES, lambda who: boxes(10 + EVERY / 1000 + 2 * who, 10.0)),
    "a longer row": (BOXES, lambda who: boxes(10 + EVERY / 200 + 3 * who, 10.0)),
    "a dense grid": (BOXES, lambda who: boxes(EVERY % 45 * 15 + who / 2, EVERY // 45 * 15.0)),
    "one inside the other": (
        BOXES,
        lambda _: boxes(500 - EVERY / 10, 500 - EVERY / 10, 20 + EVERY / 5, 20 + EVERY / 5),
    ),
    "all turned by 45 degrees": (BOXES, lambda _: boxes(10 + EVERY / 1000, 10.0, turn=45.0)),
    "each turned otherwise": (BOXES, lambda who: boxes(10 + EVERY / 1000, 10.0, turn=EVERY * 0.013 + who)),
    "turned and shifted": (BOXES, lambda who: boxes(10 + EVERY / 1000 + 2 * who, 10.0, turn=EVERY / 100)),
    "turned anyhow": (
        BOXES,
        lambda who: boxes(*scattered(who, 3), turn=chance(who).random(SIZE) * 360),
    ),
    "slivers": (BOXES, lambda _: boxes(10.0, 10 + EVERY / 1000, 2000.0, 0.01)),
    "slivers turned a little": (BOXES, lambda _: boxes(10.0, 10 + EVERY / 1e6, 2000.0, 1.0, EVERY / 1e5)),
    "slivers turned anyhow": (
        BOXES,
        lambda who: boxes(10.0, 10 + EVERY / 1000, 2000.0, 1.0, chance(who).random(SIZE) * 360),
    ),
    "upright and turned": (BOXES, lambda _: boxes(10 + EVERY / 1000, 10.0, turn=EVERY % 2 * 7.0)),
    "each person another label": (BOXES, lambda who: boxes(10 + EVERY / 1000, 10.0, label=["car", "bus"][who % 2])),
    "labels anyhow": (
        BOXES,
        lambda who: boxes(10 + EVERY / 1000, 10.0, label=chance(who).choice(["car", "bus"], SIZE)),
    ),
    "a crowded picture": (BOXES, lambda who: boxes(*scattered(who, 300))),
    "overlapping spans": (SPANS, lambda _: spans(EVERY, EVERY + 20_000)),
    "spans in spans": (SPANS, lambda _: spans(5_000 - EVERY, 20_000 + EVERY)),
    "spans, each person's shifted": (SPANS, lambda who: spans(EVERY + 1000 * who, EVERY + 20_000 + 1000 * who)),
    "a chain of spans": (SPANS, lambda who: spans(EVERY * 10 + who, EVERY * 10 + 12 + who)),
    "a chain without overlaps": (FLAT_SPANS, lambda who: spans(EVERY * 10 + who, EVERY * 10 + 9 + who)),
    "spans anyhow": (
        SPANS,
        lambda who: spans(chance(who).integers(0, 3000, SIZE), chance(who).integers(3500, 4000, SIZE)),
    ),
}


def cost(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


@pytest.mark.parametrize("name", sorted(ARRANGEMENTS))
def test_the_largest_answers_cost_a_second_at_most(name: str) -> None:
    kind, answer = ARRANGEMENTS[name]
    votes = [Vote(f"p{who}", answer(who)) for who in range(PEOPLE)]
    unknown = kind.unknown()
    assert cost(lambda: kind.consensus(votes, unknown)) < MOST_CPU_S * BUSY * slowness()
    assert cost(lambda: kind.outcomes([ItemVotes(votes)], unknown)) < MOST_CPU_S * BUSY * slowness()
    assert (
        cost(lambda: [kind.distance(one.answer, two.answer) for one, two in combinations(votes, 2)])
        < MOST_CPU_S * BUSY * slowness()
    )
    tracemalloc.start()
    kind.consensus(votes, unknown)
    kind.distance(votes[0].answer, votes[1].answer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MOST_BYTES


@pytest.mark.parametrize("width", [1e-320, 1e-170, 1e150, 1e308])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_boxes_whose_areas_no_double_holds_cost_no_more_and_break_nothing(width: float) -> None:
    votes = [Vote(f"p{who}", boxes(10 + EVERY / 1000, 10.0, width=width, turn=EVERY / 100)) for who in range(PEOPLE)]
    assert cost(lambda: BOXES.consensus(votes, BOXES.unknown())) < MOST_CPU_S * BUSY * slowness()
    BOXES.distance(votes[0].answer, votes[1].answer)


def test_what_three_people_draw_alike_is_found_whole() -> None:
    _, answer = ARRANGEMENTS["like boxes in a row"]
    found = BOXES.consensus([Vote(f"p{who}", answer(who)) for who in range(PEOPLE)], BOXES.unknown())
    boxes_found: Any = found.answer["boxes"]
    assert len(boxes_found) == SIZE
    assert found.confidence > 0.98
    assert not found.tied
    assert BOXES.distance(answer(0), json.loads(json.dumps(answer(1)))) == 0.0


def cases() -> Any:
    if not CASES.is_file():
        pytest.skip(f"the file of answers that failed once {NOT_BESIDE}")
    return json.loads(CASES.read_text())


def test_answers_that_failed_once() -> None:
    one_place = [Vote(f"p{at}", answer) for at, answer in enumerate(cases()["boxes"]["two_labels"]["votes"])]
    found = BOXES.consensus(one_place, BOXES.unknown())
    boxes_found: Any = found.answer["boxes"]
    assert len(boxes_found) == 1
    assert found.tied
    twins = [Vote(f"p{at}", answer) for at, answer in enumerate(cases()["spans"]["near_twins"]["votes"])]
    spans_found: Any = SPANS.consensus(twins, SPANS.unknown()).answer["spans"]
    assert len(spans_found) == 1
