"""A text as it is matched: what people read alike is alike, what nobody sees is gone; offsets can be taken back."""

import re
import string
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from itertools import accumulate

# Default_Ignorable_Code_Point of Unicode 15 (DerivedCoreProperties.txt): zero width, soft hyphens, variation selectors,
# marks of direction, tags; and the combining marks of no script's own: accents written apart, strokes, keycaps.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
_INVISIBLES = re.compile(f"[{_INVISIBLE}]+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")  # what is looked at at all: classes of so many characters are slow to search
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d"
_DOTS = "\u3002\uff61\ufe12"
_RAISED = {"sup", "sub"}
HOMOGLYPHS = str.maketrans(
    "АВЕЅІЈКМНОРСТУХԚԜаеѕіјорсухһԁԛԝӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
    "ABESIJKMHOPCTYXQWaesijopcyxhdqwlABEZHIKMNOPTYXo",
)
"""Letters of Cyrillic and Greek that are drawn as a Latin one is (Unicode Technical Standard 39, section 4)."""

_LAST_LOOK_ALIKE = 0x1FBF9
"""Beyond it no code point of Unicode 15 stands for a letter, digit or sign of ASCII but tags, which are invisible."""


class Folded:
    """`text` to be matched, and where its code points stand in the original."""

    __slots__ = ("_lengths", "_places", "text")

    def __init__(self, text: str, gaps: Sequence[tuple[int, int]] = ()) -> None:
        """`gaps` are start and length, in the original, of what was left out."""
        self.text = text
        self._lengths = [0, *accumulate(length for _, length in gaps)]
        self._places = [start - before for (start, _), before in zip(gaps, self._lengths, strict=False)]

    def original(self, offset: int) -> int:
        """Where in the original this place is; what is left out there lies before it."""
        return offset + self._lengths[bisect_right(self._places, offset)]


def fold(text: str) -> Folded:
    """Replace look-alikes of ASCII one by one and leave out what is invisible; linear. ASCII needs none of it."""
    table = _look_alikes()
    foreign = "".join(_NOT_ASCII.findall(text))
    if foreign.translate(table) == foreign and _INVISIBLES.search(foreign) is None:
        return Folded(text)
    text = _NOT_ASCII.sub(lambda run: run.group().translate(table), text)
    if text.isascii():
        return Folded(text)
    gaps = [
        (run.start() + match.start(), match.end() - match.start())
        for run in _NOT_ASCII.finditer(text)
        for match in _INVISIBLES.finditer(run.group())
    ]
    if not gaps:
        return Folded(text)
    return Folded(_NOT_ASCII.sub(lambda run: _INVISIBLES.sub("", run.group()), text), gaps)


@cache
def _look_alikes() -> dict[int, str]:
    """What stands for one letter, digit or sign of ASCII: full width, mathematical, circled; digits of all scripts.

    By compatibility decomposition (Unicode Standard Annex 15); spaces and dashes of any width by what they are, letters
    of other scripts by how they look. Raised and lowered ones are powers, ordinals and notes: they stay.
    """
    table = dict.fromkeys(_DASHES, "-") | dict.fromkeys(_DOTS, ".")
    for character in map(chr, range(0x80, _LAST_LOOK_ALIKE + 1)):
        category = unicodedata.category(character)
        if category == "Zs":
            table[character] = " "
        elif category == "Nd":
            table[character] = str(unicodedata.decimal(character))
        elif (decomposed := unicodedata.decomposition(character)).startswith("<") and decomposed[1:4] not in _RAISED:
            plain = unicodedata.normalize("NFKC", character)
            if len(plain) == 1 and plain.isascii():
                table[character] = plain
    return {code: chr(plain) for code, plain in HOMOGLYPHS.items()} | {
        ord(character): plain for character, plain in table.items()
    }


def shape_of(text: str) -> bytes:
    """The text in UTF-8, its ASCII letters in lower case and its digits as `0`: what recognisers are chosen by."""
    return text.encode("utf-8", "surrogatepass").translate(_SHAPES)


_SHAPES = bytes.maketrans(
    string.ascii_uppercase.encode() + b"123456789", string.ascii_lowercase.encode() + b"000000000"
)
