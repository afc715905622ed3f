"""The unit of text offsets. Inside Touchstone they count code points; JavaScript, Java and C# count UTF-16 code units."""

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shared.contracts.fields import FieldValue, PictureSize
from shared.contracts.values import Answers, BrokenRule

if TYPE_CHECKING:
    from shared.contracts.answers.schema import LabelSchema

Content = Mapping[str, FieldValue | PictureSize]
"""What a record carries, or as much of it as answers are checked against."""

_PAIRS: Final = re.compile(r"[\U00010000-\U0010ffff]")
"""Characters that are two UTF-16 code units, a surrogate pair."""


class OffsetUnit(StrEnum):
    """What text offsets count: Unicode code points, or UTF-16 code units as JavaScript's strings have them."""

    CODE_POINTS = "code_points"
    UTF16 = "utf16"


def surrogate_pairs(text: str) -> int:
    """How many characters of the text are two UTF-16 code units."""
    return 0 if text.isascii() else sum(1 for _ in _PAIRS.finditer(text))


class Utf16Offsets:
    """Offsets of one text in both units. Reading the text takes linear time, an offset logarithmic.

    Offsets outside the text are moved as far as the text is long, so that they stay outside.
    """

    def __init__(self, text: str) -> None:
        self._points = [] if text.isascii() else [found.start() for found in _PAIRS.finditer(text)]
        self._units = [point + number for number, point in enumerate(self._points)]

    def to_code_points(self, offset: int) -> int:
        """The offset in code points.

        Raises:
            BrokenRule: it lies between the two halves of a character.
        """
        before = bisect_left(self._units, offset)
        if before and self._units[before - 1] + 1 == offset:
            raise BrokenRule("the offset lies inside a character (a surrogate pair)", rule="offset-inside-character")
        return offset - before

    def near_code_point(self, offset: int, *, at_end: bool) -> int:
        """As `to_code_points`; between the two halves of a character, its start, or its end where something ends there."""
        before = bisect_left(self._units, offset)
        inside = before > 0 and self._units[before - 1] + 1 == offset
        return offset - before + (inside and at_end)

    def to_utf16(self, offset: int) -> int:
        return offset + bisect_left(self._points, offset)


def to_code_points(schema: "LabelSchema", content: Content, answers: Answers, unit: OffsetUnit) -> Answers:
    """The answers, whose offsets are in `unit`, with offsets in code points. Whatever can't be read stays as it is.

    Raises:
        BrokenRule: an offset lies inside a character; its path leads there from the answers.
    """
    return _converted(schema, content, answers, unit, lambda text, offset, _: text.to_code_points(offset))


def near_code_points(schema: "LabelSchema", content: Content, answers: Answers, unit: OffsetUnit) -> Answers:
    """As `to_code_points`, for answers that are not to be refused: what lies inside a character is moved to take all of it in."""
    return _converted(
        schema, content, answers, unit, lambda text, offset, at_end: text.near_code_point(offset, at_end=at_end)
    )


def from_code_points(schema: "LabelSchema", content: Content, answers: Answers, unit: OffsetUnit) -> Answers:
    """The answers as they are kept, with offsets in `unit`."""
    return _converted(schema, content, answers, unit, lambda text, offset, _: text.to_utf16(offset))


def _converted(
    schema: "LabelSchema",
    content: Content,
    answers: Answers,
    unit: OffsetUnit,
    convert: Callable[[Utf16Offsets, int, bool], int],
) -> Answers:
    if unit is OffsetUnit.CODE_POINTS:
        return answers
    offsets: dict[str, Utf16Offsets] = {}

    def move(field: str, offset: int, at_end: bool) -> int:
        if field not in offsets:
            text = content.get(field)
            offsets[field] = Utf16Offsets(text if isinstance(text, str) else "")
        return convert(offsets[field], offset, at_end)

    converted = dict(answers)
    for question in schema.questions:
        if question.name in answers:
            try:
                converted[question.name] = question.moved(answers[question.name], move)
            except BrokenRule as broken:
                raise broken.under(question.name) from None
    return converted
