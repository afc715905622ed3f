"""The demo's images keep what was scanned."""

import numpy as np

from deploy.demo.digits import as_model_input, from_png, load_digits, to_png


def test_ink_values_come_back_from_the_png() -> None:
    ink = np.arange(64, dtype=np.float64).reshape(8, 8) % 17
    assert np.array_equal(from_png(to_png(ink)), ink)


def test_all_digits_are_there_once() -> None:
    digits = load_digits()
    assert len(digits) == len({digit.external_id for digit in digits}) == 1797
    assert as_model_input(digits[:3], scale=255.0, layout="flat").shape == (3, 64)
    assert as_model_input(digits[:3], scale=255.0, layout="nchw").shape == (3, 1, 8, 8)
