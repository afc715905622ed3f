"""`boxes`: labelled rectangles on an image, in pixels from the top-left corner (COCO's convention)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, ClassVar, Literal, Self, cast

from pydantic import Field, ValidationError, model_validator

from shared.contracts.answers.json_schema import JsonSchema, carrying, one_of
from shared.contracts.answers.offsets import Content
from shared.contracts.answers.question import (
    MAX_REGIONS,
    AnswerExample,
    Label,
    LabelledQuestion,
    check_field,
    unknown_label,
)
from shared.contracts.answers.violation import Violation
from shared.contracts.fields import AssetReference, Name, PictureSize, RecordField
from shared.contracts.values import BrokenRule, Frozen

TOLERANCE = 1e-3
"""Pixels by which a box may pass the image's edge: what is lost when a frontend scales coordinates."""

SAME = 1e-4
"""Pixels and degrees that make no other box of one: what is lost when a number is written and read again.

A box has longer sides than that: without them nothing lies in it.
"""

_FAR = 1e9
_FULL_TURN = 360.0


_Picture = AssetReference | PictureSize
_PICTURES = (AssetReference, PictureSize)


class BoxAttribute(Frozen):
    """A property that an annotator gives to a box, out of a closed list."""

    name: Name
    values: list[Label] = Field(min_length=1, max_length=200)
    required: bool = False


class Box(Frozen):
    """`x` and `y` of the top-left corner before the box is turned by `rotation` degrees clockwise about its centre."""

    x: float
    y: float
    width: float = Field(gt=0.0)
    height: float = Field(gt=0.0)
    rotation: float | None = Field(default=None, ge=0.0, lt=360.0)
    label: Label
    attributes: dict[Name, Label] = Field(default={}, max_length=50)


class BoxesAnswer(Frozen):
    boxes: list[Box] = Field(max_length=MAX_REGIONS)


class BoxesQuestion(LabelledQuestion):
    """`field` is the image that the boxes lie in; `rotation` allows turned boxes. No box at all is a legal answer.
    Each side of a box is longer than `SAME` pixels.

    `outside`: what is done with a box that reaches over the image's edge; `clip` cuts it there before anything else is
    done with it. Turned boxes, and those that lie outside altogether, can't be cut and are refused.
    """

    kind: Literal["boxes"]
    field: Name
    rotation: bool = False
    outside: Literal["clip", "refuse"] = "refuse"
    attributes: list[BoxAttribute] = Field(default=[], max_length=50)

    answer_model: ClassVar[type[Frozen]] = BoxesAnswer
    beyond_schema: ClassVar[Mapping[str, str]] = {
        "field-missing": "the record has the image",
        "box-outside": "a box lies inside the image",
        "box-twice": f"two boxes differ in more than their attributes, and by more than {SAME:g} pixels or degrees",
    }
    example: ClassVar[AnswerExample] = AnswerExample(
        question={
            "name": "vehicles",
            "kind": "boxes",
            "field": "photo",
            "labels": ["car", "bus"],
            "rotation": True,
            "attributes": [{"name": "colour", "values": ["red", "white"]}],
        },
        content={"photo": {"width": 640, "height": 480}},
        answer={
            "boxes": [
                {"x": 12.5, "y": 40.0, "width": 120.0, "height": 64.0, "label": "car", "attributes": {"colour": "red"}},
                {"x": 300.0, "y": 80.0, "width": 200.0, "height": 90.0, "rotation": 15.0, "label": "bus"},
            ]
        },
    )

    @model_validator(mode="after")
    def _attributes_are_unique(self) -> Self:
        names = [attribute.name for attribute in self.attributes]
        if len(set(names)) != len(names):
            raise BrokenRule("attribute names must be unique")
        return self

    def check_fields(self, known: Mapping[str, RecordField]) -> None:
        check_field(self.field, "image", known)

    def fields_asked(self) -> frozenset[str]:
        return frozenset({self.field})

    def applies_to(self, content: Content) -> bool:
        return isinstance(content.get(self.field), _PICTURES)

    def check(self, answer: BoxesAnswer, content: Content) -> Iterator[Violation]:
        image = cast("_Picture", content[self.field])
        known, drawn = frozenset(self.labels), _DrawnBoxes()
        values = {attribute.name: frozenset(attribute.values) for attribute in self.attributes}
        required = [attribute.name for attribute in self.attributes if attribute.required]
        for index, box in enumerate(answer.boxes):
            if drawn.has(box):
                yield Violation("", "box-twice", "the same box is given twice").under("boxes", index)
            drawn.add(box)
            if min(box.width, box.height) <= SAME:
                yield Violation("", "box-too-small", f"a side must be longer than {SAME:g} pixels").under(
                    "boxes", index
                )
            if box.label not in known:
                yield unknown_label("boxes", index, "label")
            if box.rotation is not None and not self.rotation:
                yield Violation("", "rotation-not-allowed", "the question takes upright boxes only").under(
                    "boxes", index, "rotation"
                )
            if not _lies_within(box, image):
                yield Violation("", "box-outside", "the box must lie inside the image").under("boxes", index)
            for violation in _check_attributes(box, values, required):
                yield violation.under("boxes", index, "attributes")

    def canonical(self, answer: Any, content: Content) -> Any:
        image = content.get(self.field)
        if self.outside == "refuse" or not isinstance(image, _PICTURES):
            return answer
        try:
            boxes = BoxesAnswer.model_validate(answer, strict=True).boxes
        except ValidationError:
            return answer  # `validate` says what is wrong
        return {"boxes": [raw | _clipped(box, image) for raw, box in zip(answer["boxes"], boxes, strict=True)]}

    def narrow(self, members: JsonSchema) -> None:
        members["boxes"]["uniqueItems"] = True
        box = members["boxes"]["items"]
        box["properties"]["label"] = one_of(self.labels)
        for side in ("width", "height"):
            box["properties"][side]["exclusiveMinimum"] = SAME
        if not self.rotation:
            box["properties"]["rotation"] = {"type": "null"}
        required = [attribute.name for attribute in self.attributes if attribute.required]
        box["properties"]["attributes"] = {
            "type": "object",
            "properties": {attribute.name: one_of(attribute.values) for attribute in self.attributes},
            "required": required,
            "additionalProperties": False,
        }
        if required:
            box["required"].append("attributes")

    def carrying_schema(self, labels: Sequence[str]) -> JsonSchema:
        return carrying("boxes", {"contains": carrying("label", one_of(labels))})

    def label_lists(self) -> Iterator[tuple[tuple[str | int, ...], Sequence[str]]]:
        yield from super().label_lists()
        for index, attribute in enumerate(self.attributes):
            yield ("attributes", index, "values"), attribute.values

    def carried_by(self, answer: BoxesAnswer) -> frozenset[str]:
        return frozenset(box.label for box in answer.boxes)


class _DrawnBoxes:
    """Boxes by the cell of their sides, twice as wide as what makes no other box: so what is the same lies in 32 cells."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int | str, ...], list[Box]] = {}

    def add(self, box: Box) -> None:
        self._cells.setdefault((box.label, *map(_cell, _sides(box))), []).append(box)

    def has(self, box: Box) -> bool:
        """Whether one is the same but for its attributes."""
        *sides, rotation = _sides(box)
        near = [{_cell(side - SAME), _cell(side + SAME)} for side in sides]
        near.append({_cell((rotation - SAME) % _FULL_TURN), _cell((rotation + SAME) % _FULL_TURN)})
        return any(
            _are_same(box, other) for cell in product(*near) for other in self._cells.get((box.label, *cell), ())
        )


def _cell(side: float) -> int:
    return math.floor(min(max(side, -_FAR), _FAR) / (2 * SAME))


def _sides(box: Box) -> tuple[float, ...]:
    return box.x, box.y, box.width, box.height, box.rotation or 0.0


def _are_same(box: Box, other: Box) -> bool:
    *apart, turned = (abs(side - its) for side, its in zip(_sides(box), _sides(other), strict=True))
    return all(difference <= SAME for difference in (*apart, min(turned, _FULL_TURN - turned)))


def _check_attributes(box: Box, values: Mapping[str, frozenset[str]], required: Sequence[str]) -> Iterator[Violation]:
    """`values` that the question's attributes may have, by name."""
    for name, value in box.attributes.items():
        if name not in values:
            yield Violation("", "attribute-unknown", "the question does not have this attribute").under(name)
        elif value not in values[name]:
            yield Violation("", "attribute-value-unknown", "the value is not one of the attribute's").under(name)
    for name in required:
        if name not in box.attributes:
            yield Violation("", "attribute-required", "the attribute is required").under(name)


def _clipped(box: Box, image: _Picture) -> dict[str, float]:
    """The sides that change when an upright box is cut at the image's edges; nothing where nothing would be left of it."""
    if box.rotation:
        return {}
    left, right = _cut(box.x, box.width, image.width)
    top, bottom = _cut(box.y, box.height, image.height)
    if right <= left or bottom <= top:
        return {}
    horizontal = {} if (left, right) == (box.x, box.x + box.width) else {"x": left, "width": right - left}
    vertical = {} if (top, bottom) == (box.y, box.y + box.height) else {"y": top, "height": bottom - top}
    return horizontal | vertical


def _cut(start: float, length: float, most: int | None) -> tuple[float, float]:
    end = start + length
    return max(start, 0.0), end if most is None else min(end, float(most))


def _lies_within(box: Box, image: _Picture) -> bool:
    """Whether all four corners of the box, turned, lie on the image; an unknown size hides nothing."""
    angle = math.radians(box.rotation or 0.0)
    reach_x = (abs(box.width * math.cos(angle)) + abs(box.height * math.sin(angle))) / 2
    reach_y = (abs(box.width * math.sin(angle)) + abs(box.height * math.cos(angle))) / 2
    centre_x, centre_y = box.x + box.width / 2, box.y + box.height / 2
    right = math.inf if image.width is None else image.width
    bottom = math.inf if image.height is None else image.height
    return (
        centre_x - reach_x >= -TOLERANCE
        and centre_y - reach_y >= -TOLERANCE
        and centre_x + reach_x <= right + TOLERANCE
        and centre_y + reach_y <= bottom + TOLERANCE
    )
