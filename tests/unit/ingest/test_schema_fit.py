"""Whether records that came under one schema have what another needs."""

from typing import Any

import pytest

from services.ingest.domain.schema_fit import SchemaFit, count_fitting, fit_of
from shared.contracts.answers import LabelSchema

CHOICE = {"name": "topic", "kind": "choice", "labels": ["a", "b"]}


def schema(*fields: tuple[str, str, bool], questions: Any = (CHOICE,)) -> LabelSchema:
    listed = [{"name": name, "kind": kind, "required": required} for name, kind, required in fields]
    return LabelSchema.model_validate({"fields": listed, "questions": list(questions)})


TEXT = ("text", "text", True)
MAYBE_TEXT = ("text", "text", False)
IMAGE = ("image", "image", True)
MAYBE_IMAGE = ("image", "image", False)
BOXES = {"name": "cars", "kind": "boxes", "field": "image", "labels": ["car", "bus"]}


@pytest.mark.parametrize(
    ("came_under", "wanted", "fit"),
    [
        (schema(TEXT), schema(TEXT), SchemaFit.FITS),
        (schema(TEXT), schema(TEXT, MAYBE_IMAGE), SchemaFit.FITS),
        (schema(TEXT, IMAGE), schema(TEXT), SchemaFit.FITS),
        (schema(TEXT, MAYBE_IMAGE), schema(TEXT, IMAGE), SchemaFit.MAY_FIT),
        (schema(TEXT), schema(IMAGE), SchemaFit.LACKS),
        (schema(TEXT), schema(TEXT, IMAGE), SchemaFit.LACKS),
        (schema(TEXT), schema(("text", "image", True)), SchemaFit.LACKS),
        (schema(IMAGE), schema(MAYBE_TEXT), SchemaFit.LACKS),
        (schema(IMAGE, MAYBE_TEXT), schema(MAYBE_TEXT), SchemaFit.MAY_FIT),
        (schema(TEXT), schema(TEXT, MAYBE_IMAGE, questions=[BOXES]), SchemaFit.LACKS),
        (schema(TEXT), schema(TEXT, MAYBE_IMAGE, questions=[CHOICE, {**BOXES, "required": False}]), SchemaFit.FITS),
    ],
)
def test_records_fit_that_have_the_fields_that_are_needed(
    came_under: LabelSchema, wanted: LabelSchema, fit: SchemaFit
) -> None:
    assert fit_of(came_under, wanted) is fit


def test_records_are_counted_by_the_version_that_they_came_under() -> None:
    schemas = {1: schema(TEXT), 2: schema(TEXT, MAYBE_IMAGE), 3: schema(IMAGE)}
    found = count_fitting({1: 5, 2: 3, 3: 2}, schemas, schemas[3], all_counted=True)
    assert (found.open, found.fit, found.may_fit, found.lack, found.none_fits) == (10, 2, 3, 5, False)
    assert count_fitting({1: 5}, schemas, schemas[3], all_counted=False).none_fits
    assert not count_fitting({}, schemas, schemas[3], all_counted=True).none_fits


@pytest.mark.parametrize(
    ("came_under", "wanted", "missing"),
    [
        (schema(TEXT), schema(TEXT, IMAGE), ("image",)),
        (schema(TEXT), schema(TEXT, MAYBE_IMAGE, questions=[BOXES]), ("image",)),
        (schema(IMAGE), schema(MAYBE_TEXT), ("text",)),
        (schema(TEXT), schema(("text", "image", True)), ("text",)),
        (schema(TEXT, MAYBE_IMAGE), schema(TEXT, IMAGE), ()),
    ],
)
def test_the_fields_that_no_record_can_have_are_named(
    came_under: LabelSchema, wanted: LabelSchema, missing: tuple[str, ...]
) -> None:
    assert count_fitting({1: 3}, {1: came_under}, wanted, all_counted=True).missing == missing
