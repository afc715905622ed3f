"""How many events a lane takes into one transaction."""

from shared.kit.progress import Lane


def test_cheap_events_are_taken_many_at_a_time_and_costly_ones_few() -> None:
    lane = Lane()
    lane.took(lane.batch, 0.001)
    assert lane.batch == 128
    for _ in range(5):
        lane.took(lane.batch, 0.001)
    assert lane.batch == 256
    lane.took(256, 0.5)  # two milliseconds each
    assert lane.batch == 25
    lane.took(25, 60.0)
    assert lane.batch == 16


def test_a_batch_that_took_no_time_teaches_no_more_than_one_step() -> None:
    lane = Lane()
    lane.took(1, 0.0)
    assert lane.batch == 128
