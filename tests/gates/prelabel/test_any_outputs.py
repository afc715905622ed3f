"""Whatever numbers a model answers with, a row of them is a distribution or nothing: drawn by hypothesis."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.prelabel.domain import outputs


@given(
    st.integers(1, 5).flatmap(
        lambda columns: st.lists(
            st.lists(st.floats(width=32), min_size=columns, max_size=columns), min_size=1, max_size=4
        )
    ),
    st.sampled_from(["probabilities", "logits"]),
)
def test_whatever_comes_a_row_sums_to_1_or_is_nothing(rows: list[list[float]], form: outputs.Form) -> None:
    found = outputs.probabilities(np.array(rows), form)
    sound = ~np.isnan(found).any(axis=1)
    assert found[sound].sum(axis=1) == pytest.approx(np.ones(sound.sum()))
    assert ((found[sound] >= 0) & (found[sound] <= 1)).all()
