"""How many events a lane takes into one transaction."""

from collections import deque

from shared.kit.bus import Inbound
from shared.kit.progress import Item, Lane, Progress


def test_cheap_events_are_taken_many_at_a_time_and_costly_ones_few() -> None:
    lane = Lane()
    lane.took(lane.batch, 0.001)
    assert lane.batch == 128
    for _ in range(5):
        lane.took(lane.batch, 0.001)
    assert lane.batch == 500
    lane.took(500, 2.0)  # four milliseconds each
    assert lane.batch == 50
    lane.took(50, 60.0)
    assert lane.batch == 16


def test_a_batch_that_took_no_time_teaches_no_more_than_one_step() -> None:
    lane = Lane()
    lane.took(1, 0.0)
    assert lane.batch == 128


def test_large_events_are_taken_few_at_a_time() -> None:
    lane = Lane()
    large = b" " * 300_000
    lane.extend(Item(Inbound("annotations", 0, place, b"%d" % place, large, None), Progress()) for place in range(9))
    assert [len(lane.take()) for _ in range(3)] == [4, 4, 1]


def test_what_comes_after_a_failed_event_of_its_key_waits_behind_it() -> None:
    lane = Lane()
    progress = Progress()
    items = [
        Item(Inbound("records", 0, place, key, b"", None), progress) for place, key in enumerate((b"a", b"b", b"a"))
    ]
    lane.held[b"a"] = deque()
    lane.extend(items)
    assert lane.take() == [items[1]]
    assert list(lane.held[b"a"]) == [items[0], items[2]]
