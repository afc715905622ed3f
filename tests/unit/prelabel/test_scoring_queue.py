from uuid import UUID

from services.prelabel.process_state.scoring_queue import ScoringQueue

A, B = UUID(int=1), UUID(int=2)


def test_projects_come_by_turns_and_each_of_them_once_at_a_time() -> None:
    queue = ScoringQueue()
    queue.add({B, A})
    assert (queue.take(), queue.take(), queue.take()) == (A, B, None)
    queue.done(A, more=True)
    queue.add({A, B})  # B is being scored
    queue.done(B, more=False)
    assert (queue.take(), queue.take(), queue.take()) == (A, B, None)
    queue.done(A, more=False)
    assert (queue.busy, queue.left) == (True, True)
    queue.done(B, more=False)
    assert (queue.busy, queue.left) == (False, False)


def test_a_project_that_failed_does_not_come_again_and_is_left() -> None:
    queue = ScoringQueue()
    queue.add({A})
    assert queue.take() == A
    queue.add({A})
    queue.release(A)
    queue.add({A})
    assert queue.take() is None
    assert (queue.busy, queue.left) == (False, True)
