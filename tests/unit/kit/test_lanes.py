"""Which lane an event waits in, and how many events a lane takes into one transaction."""

from collections import deque

from shared.kit.bus import Inbound
from shared.kit.progress import EventLane, Item, Lanes, Progress


def items_of(*keys: bytes, value: bytes = b"") -> list[Item]:
    return [Item(Inbound("records", 0, place, key, value, None), Progress()) for place, key in enumerate(keys)]


def keys(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def sizes(lanes: Lanes) -> list[int]:
    return sorted(map(len, lanes))


def test_few_events_are_one_set_and_many_go_to_all_lanes() -> None:
    lanes = Lanes(4)
    lanes.put(items_of(*keys(40)))
    assert sizes(lanes) == [0, 0, 0, 40]
    lanes = Lanes(4)
    lanes.put(items_of(*keys(1000)))
    assert min(sizes(lanes)) > 200


def test_an_event_waits_in_the_lane_of_what_came_before_it_of_its_key() -> None:
    lanes = Lanes(2)
    first = items_of(b"a")
    lanes.put(first)
    [before] = [lane for lane in lanes if lane]
    assert before.take() == first
    again, other = items_of(b"a", b"b")
    lanes.put([other, again])
    assert list(before) == [again]
    assert sizes(lanes) == [1, 1]


def test_a_lane_that_takes_long_gets_no_other_keys() -> None:
    lanes = Lanes(2)
    lanes.put(items_of(b"slow"))
    [slow] = [lane for lane in lanes if lane]
    slow.take()
    for key in keys(20):
        [item] = items_of(key)
        lanes.put([item])
        [lane] = [lane for lane in lanes if lane]
        assert lane is not slow
        lanes.finish(lane.take())


def test_a_key_of_which_all_is_done_is_forgotten() -> None:
    lanes = Lanes(2)
    items = items_of(b"a", b"a", b"b")
    lanes.put(items)
    [lane] = [lane for lane in lanes if lane]
    lane.take()
    lanes.finish(items[:1])
    lanes.put(behind := items_of(b"a"))
    assert list(lane) == behind
    lanes.finish([*items[1:], *behind])
    assert [each.unfinished for each in lanes] == [0, 0]
    lane.clear()
    lanes.put(items_of(*keys(1)))
    assert sizes(lanes) == [0, 1]


def test_cheap_events_are_taken_many_at_a_time_and_costly_ones_few() -> None:
    lane = EventLane()
    lane.took(lane.batch, 0.001)
    assert lane.batch == 128
    for _ in range(5):
        lane.took(lane.batch, 0.001)
    assert lane.batch == 500
    lane.took(500, 2.0)  # four milliseconds each
    assert lane.batch == 125
    lane.took(125, 60.0)
    assert lane.batch == 64


def test_a_batch_that_took_no_time_teaches_no_more_than_one_step() -> None:
    lane = EventLane()
    lane.took(1, 0.0)
    assert lane.batch == 128


def test_large_events_are_taken_few_at_a_time() -> None:
    lane = EventLane()
    lane.extend(items_of(*keys(9), value=b" " * 300_000))
    assert [len(lane.take()) for _ in range(3)] == [4, 4, 1]


def test_what_comes_after_a_failed_event_of_its_key_waits_behind_it() -> None:
    lane = EventLane()
    items = items_of(b"a", b"b", b"a")
    lane.held[b"a"] = deque()
    lane.extend(items)
    assert lane.take() == [items[1]]
    assert list(lane.held[b"a"]) == [items[0], items[2]]
