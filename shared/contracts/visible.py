"""Which characters of a text can be seen, and what a name has to be that people tell apart by looking."""

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

from shared.contracts.values import BrokenRule

MAX_NAME: Final = 200
"""Characters of a name that somebody made up."""

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
# Letters, marks and symbols that show nothing: joiners, fillers of Hangul, vowels of Khmer, selectors, the empty braille.
_BLANK: Final = frozenset(
    map(
        chr,
        (
            0x034F,
            0x115F,
            0x1160,
            0x17B4,
            0x17B5,
            0x2800,
            0x3164,
            0xFFA0,
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
        ),
    )
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))
_BIDI_CONTROLS: Final = frozenset(map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))
"""Characters with the property `Bidi_Control` (UAX #9): they change in which order the others are shown."""


def is_visible(character: str) -> bool:
    return unicodedata.category(character) not in _INVISIBLE and character not in _BLANK


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: it is empty, or of white space and invisible characters alone."""
    return not any(map(is_visible, text))


def turns_writing(text: str) -> bool:
    """Whether a text has characters that change in which order it is shown: it may look like another one."""
    return not _BIDI_CONTROLS.isdisjoint(text)


def _visible(text: str) -> str:
    if is_blank(text):
        raise BrokenRule("It must not be blank: it needs a character that can be seen.", rule="blank")
    return text


def _in_one_order(text: str) -> str:
    if turns_writing(text):
        raise BrokenRule("It must not have characters that turn the direction of writing.", rule="bidi-control")
    return text


Visible: Final = AfterValidator(_visible)
"""For texts that people read: refuses one that shows nothing, as `blank`."""

InOneOrder: Final = AfterValidator(_in_one_order)
"""For names: refuses one that may look like another, as `bidi-control`."""

DisplayName = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_NAME, strip_whitespace=True), Visible, InOneOrder
]
"""The name of a thing or a person, made up by people for people."""
