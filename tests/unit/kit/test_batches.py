from shared.kit.batches import BatchSize


def test_a_batch_grows_while_its_bytes_fit_and_shrinks_at_once_when_they_don_t() -> None:
    size = BatchSize(500, 1_000_000)
    asked = []
    for _ in range(5):
        asked.append(size.rows)
        size.saw(size.rows, size.rows * 1_000)
    assert asked == [50, 100, 200, 400, 500]
    size.saw(500, 500 * 100_000)
    assert size.rows == 10
    size.saw(1, 5_000_000)
    assert size.rows == 1


def test_an_empty_batch_teaches_nothing() -> None:
    size = BatchSize(500, 1_000)
    size.saw(0, 0)
    assert size.rows == 50
