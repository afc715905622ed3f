"""Telephone numbers."""

import re
from collections.abc import Iterator

import phonenumbers

from shared.contracts.personal_data.finding import Finding, Kind

_SEPARATOR = r"(?: ?[\-/] ?|[ .]| ?\(|\)[ .\-]?)?"
_PHONE = re.compile(
    rf"(?:(?<!\w)(?<!\d[.,])|(?<=\d)(?=\+))(?:\(?\+|\()?\d(?:{_SEPARATOR}\d){{6,16}}(?: ?(?:x|ext\.?) ?\d{{1,6}})?(?![\w%])"
)
_MORE = re.compile(rf"{_SEPARATOR}\d")
_FIRST_DIGITS = re.compile(r"\D*\d+")
_DATE = re.compile(r"(?:1[89]|20)\d\d([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./])\d{1,2}\2(?:1[89]|20)\d\d")
_NORTH_AMERICAN = re.compile(r"\(?\d{3}\)?[-. ]?\d{3}[-. ]\d{4}(?!\d)")
_WORD = (
    r"phone|tele?fon\w*|\btel\b|\bfax|mobile?|m[oó]vil|\bcell|\bhandy|whatsapp|\bsms\b|\bcall|\bdial|\btext\b|\bring\b"
)
_CONTEXT_BEFORE = re.compile(
    rf"(?:{_WORD}|\bdesk|\bmessages?\b|answering|contact|number|reach|\boffice)[^\n\d]{{0,24}}\n?[^\n\d]{{0,4}}$"
    r"|\[PHONE\][^\w]{0,3}$",
    re.IGNORECASE,
)
_WORD_BEFORE = re.compile(rf"(?:{_WORD})[^\n\d]{{0,24}}$|\[PHONE\][^\w]{{0,3}}$", re.IGNORECASE)
_CONTEXT_AFTER = re.compile(r"[ \-,(]{0,3}(?:mobile|office|fax|home|cell|work|phone|tel\b)", re.IGNORECASE)
_EXTENSION = re.compile(r" ?(?:x|ext\.?) ?\d{1,6}$")
_GROUP = re.compile(r"\d+")
_GLUED = re.compile(r"(?<![\w+])([^\W\d_]{0,24})(\+?\d{9,40})([^\W\d_]{0,24})(?!\w)")

SHORTEST, LONGEST = 7, 15
"""Digits of a telephone number (E.164 allows 15)."""

FEWEST_DIFFERENT = 3

REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "BE", "CH", "SE", "DK", "PL", "PT", "BR", "AU", "ZA", "IN")
"""Where a number without a country code is tried."""

MAX_LOOKUPS = 50
"""National numbers looked up per text; the rest is masked unasked, so that no text costs much time."""


def _ends_in_digit(text: str, end: int) -> bool:
    """Whether a digit stands right before, or one separator before."""
    return any(map(str.isdigit, text[max(0, end - 2) : end]))


def _is_one_of_single_digits(text: str, start: int) -> bool:
    """Whether a digit stands alone here, after other digits: neither form nor words nor a plan let a number begin so."""
    return text[start].isdigit() and not text[start + 1].isdigit() and _ends_in_digit(text, start)


class PhoneRecogniser:
    """Telephone numbers: international ones by form, national ones by form and context, then by the numbering plans.

    Also several in a row, and ones that a letter touches, if a telephone's word or a leading zero or `+` marks them.
    """

    def concerns(self, shape: bytes) -> bool:
        return shape.count(b"0") >= SHORTEST

    def find(self, text: str) -> Iterator[Finding]:
        yield from self._apart(text)
        for match in _GLUED.finditer(text):
            before, number, after = match.groups()
            if not (before or after or len(number) > LONGEST) or len(set(number)) < FEWEST_DIFFERENT:
                continue
            by_form = (before or after) and number.startswith(("0", "+"))
            if by_form or _WORD_BEFORE.search(text, max(0, match.start() - 48), match.start(2)):
                yield Finding(match.start(2), match.end(2), Kind.PHONE, 0.7, "phone")

    def _apart(self, text: str) -> Iterator[Finding]:
        position, lookups = 0, 0
        while match := _PHONE.search(text, position):
            if _is_one_of_single_digits(text, match.start()):
                position = match.start() + 1
                continue
            number = _EXTENSION.sub("", match.group())
            count = sum(map(str.isdigit, number))
            date = _DATE.match(text, match.start())
            score, end = None, match.end()
            if date is None and SHORTEST <= count <= LONGEST:
                score = self._by_form(number, count, text, match.start(), end)
                if score is None:
                    lookups += 1
                    score = 0.6 if lookups > MAX_LOOKUPS or self._by_plan(number, count) else None
            if date is None and score is None and (count > LONGEST or _MORE.match(text, end)):
                first = self._first_of_many(number, text, match.start(), lookups < MAX_LOOKUPS)
                lookups += 1
                if first is not None:
                    score, end = 0.7, first
            if score is not None:
                position = end
                yield Finding(match.start(), end, Kind.PHONE, score, "phone")
            else:  # a number may begin behind the date, or behind the first digits
                behind = date or _FIRST_DIGITS.match(text, match.start())
                position = match.end() if behind is None else behind.end()

    def _first_of_many(self, numbers: str, text: str, start: int, may_look_up: bool) -> int | None:
        """Where the first of numbers that follow each other ends: the shortest that is one by form, word or plan."""
        labelled = not _ends_in_digit(text, start) and _WORD_BEFORE.search(text, max(0, start - 48), start) is not None
        by_form = numbers.startswith(("+", "(", "00")) or _NORTH_AMERICAN.match(numbers) is not None
        if not labelled and not by_form and not (may_look_up and numbers.startswith("0")):
            return None
        count = 0
        for group in _GROUP.finditer(numbers):
            count += len(group.group())
            if count > LONGEST:
                break
            number, end = numbers[: group.end()], start + group.end()
            if count < SHORTEST:
                continue
            if labelled or self._by_form(number, count, text, None, end) is not None:
                return end
            if may_look_up and number.startswith("0") and self._by_plan(number, count):
                return end
        return None

    @staticmethod
    def _by_form(number: str, count: int, text: str, start: int | None, end: int) -> float | None:
        """`start` None: the words before and after do not count for this number."""
        if number.startswith(("+", "(+")) or (number.startswith("00") and count > SHORTEST + 2):
            return 0.9
        if start is not None and (
            _CONTEXT_BEFORE.search(text, max(0, start - 48), start) or _CONTEXT_AFTER.match(text, end, end + 12)
        ):
            return 0.85
        if number.startswith("(") or _NORTH_AMERICAN.fullmatch(number):
            return 0.7
        return None

    @staticmethod
    def _by_plan(number: str, count: int) -> bool:
        """Whether some region has such a number; below ten digits only if it is written in three groups or more."""
        groups = re.findall(r"\d+", number)
        if count < 8 or (count < 10 and len(groups) < 3) or any(len(group) == 1 for group in groups):  # noqa: PLR2004
            return False
        for region in REGIONS:
            try:
                parsed = phonenumbers.parse(number, region)
            except phonenumbers.NumberParseException:
                continue
            if phonenumbers.is_valid_number_for_region(parsed, region):
                return True
        return False
