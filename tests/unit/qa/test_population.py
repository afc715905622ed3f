"""What a project's records hold, from counts of alike records."""

from collections.abc import Sequence

import pytest

from services.qa.domain.population import (
    DrawnAs,
    PopulationCell,
    PopulationEstimate,
    PopulationPart,
    accuracy_of,
    share_of,
    size_of,
)

SURE, UNSURE = 19, 8
CAT = frozenset({"cat"})


def waiting(records: int, predicted: str | None = "cat", place: int | None = SURE) -> PopulationCell:
    sure = {SURE: 0.99, UNSURE: 0.6, None: 0.0}[place]
    return PopulationCell(PopulationPart.WAITING, None, predicted, place, None, 1.0, records, sure * records)


def accepted(records: int, predicted: str = "cat") -> PopulationCell:
    return PopulationCell(PopulationPart.ACCEPTED, None, predicted, SURE, None, 1.0, records, 0.99 * records)


def seen(records: int, answer: str) -> PopulationCell:
    return PopulationCell(PopulationPart.SEEN, None, None, None, answer, 1.0, records, 0.0)


def held_out(
    records: int, answer: str, predicted: str | None = "cat", place: int | None = SURE, probability: float = 0.2
) -> PopulationCell:
    sure = {SURE: 0.99, UNSURE: 0.6, None: 0.0}[place]
    part, drawn_as = PopulationPart.SEEN, DrawnAs.HELD_OUT
    return PopulationCell(part, drawn_as, predicted, place, answer, probability, records, sure * records)


def audit(records: int, answer: str, probability: float = 0.05) -> PopulationCell:
    part, drawn_as = PopulationPart.SEEN, DrawnAs.AUDIT
    return PopulationCell(part, drawn_as, "cat", SURE, answer, probability, records, 0.99 * records)


def value(found: PopulationEstimate) -> float:
    assert found.is_known
    return found.value


def test_what_people_have_labelled_is_known_and_has_no_interval() -> None:
    found = share_of([seen(30, "cat"), seen(70, "dog")], CAT, 2)
    assert value(found) == 0.3
    assert found.interval(0.9).half_width == 0.0
    assert found.labels_needed(0.02, 0.9) == 0


def test_without_drawn_labels_nothing_is_said_of_the_rest() -> None:
    cells = [seen(30, "cat"), held_out(9, "cat"), waiting(1_000)]
    assert not share_of(cells, CAT, 2).is_known
    assert share_of(cells, CAT, 2).labels_needed(0.02, 0.9) is None


def test_the_rest_is_estimated_from_held_out_records() -> None:
    cells = [
        seen(100, "dog"),
        held_out(30, "cat", None, None),
        held_out(70, "dog", None, None),
        waiting(800, None, None),
    ]
    found = share_of(cells, CAT, 2)
    assert value(found) == pytest.approx((30 + 800 * 0.3) / 1_000)
    narrow = found.interval(0.9)
    assert 0.2 < narrow.low < value(found) < narrow.high < 0.36


def test_held_out_records_stand_for_the_waiting_ones_of_their_confidence() -> None:
    """The model is right on what it is sure of, and half right on the rest, of which people have labelled nearly all."""
    held = [held_out(50, "cat"), held_out(25, "cat", place=UNSURE), held_out(25, "dog", place=UNSURE)]
    left = [waiting(900), waiting(100, place=UNSURE)]
    found = accuracy_of([*held, *left])
    assert found is not None
    assert value(found) == pytest.approx(0.95, abs=0.01)


def test_audits_stand_for_what_was_accepted() -> None:
    cells = [
        accepted(1_000),
        audit(30, "cat"),
        audit(10, "dog"),
        waiting(1_000),
        held_out(50, "cat"),
    ]
    found = accuracy_of(cells)
    assert found is not None
    assert value(found) == pytest.approx((0.75 + 1.0) / 2, abs=0.01)


def test_audits_that_were_drawn_with_another_probability_count_by_its_inverse() -> None:
    found = accuracy_of([accepted(1_000), audit(20, "cat", 0.1), audit(20, "dog", 0.05)])
    assert found is not None
    assert value(found) == pytest.approx(1 / 3, abs=0.01)


def test_few_audits_leave_it_to_held_out_records() -> None:
    found = accuracy_of([accepted(1_000), audit(3, "dog"), held_out(50, "cat")])
    assert found is not None
    assert value(found) > 0.95


def test_a_pass_rate_is_the_share_of_several_labels() -> None:
    cells = [seen(50, "cat"), seen(30, "dog"), seen(20, "bird")]
    assert value(share_of(cells, frozenset({"cat", "bird"}), 3)) == 0.7


def test_the_shares_of_all_labels_are_near_to_one_in_sum() -> None:
    held = [held_out(40, "cat"), held_out(15, "dog", "dog"), held_out(5, "dog"), held_out(5, "bird", "bird", UNSURE)]
    cells = [*held, waiting(700), waiting(250, "dog"), waiting(50, "bird", UNSURE)]
    total = sum(value(share_of(cells, frozenset({label}), 3)) for label in ("cat", "dog", "bird"))
    assert total == pytest.approx(1.0, abs=0.03)


def test_accuracy_is_of_records_that_no_person_has_labelled() -> None:
    assert accuracy_of([seen(50, "cat"), held_out(20, "cat")]) is None


def test_no_more_labels_are_needed_than_there_are_records() -> None:
    cells = [held_out(10, "cat"), held_out(10, "dog"), waiting(100)]
    assert share_of(cells, CAT, 2).labels_needed(0.001, 0.9) == 100


@pytest.mark.parametrize(
    "cells",
    [[seen(1, "cat")], [held_out(20, "cat"), waiting(5, place=UNSURE)], [held_out(20, "dog"), accepted(5)]],
)
def test_what_is_stored_is_read_as_it_was(cells: Sequence[PopulationCell]) -> None:
    found = share_of(cells, CAT, 2)
    assert PopulationEstimate.from_json(found.to_json()) == found


def test_the_parts_are_counted() -> None:
    size = size_of([seen(3, "cat"), held_out(2, "cat"), audit(1, "cat"), accepted(7), waiting(11)])
    assert (size.records, size.seen, size.accepted, size.waiting, size.held_out, size.audits) == (24, 6, 7, 11, 2, 1)
