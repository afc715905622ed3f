"""Telephone numbers."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from shared.contracts.personal_data.folding import HOMOGLYPHS
from shared.contracts.personal_data.numbering_plans import is_national, is_national_elsewhere
from shared.contracts.personal_data.recognisers import Finding, Kind

SEPARATOR = r"(?: ?[\-/] ?|[ .]| ?\(|\)[ .\-]?)?"
_SHAPE = re.compile(rb"0(?:[ ./()\-]{0,3}0){6}")
_SPREAD_SHAPE = re.compile(rb"\+[ \t(]{0,2}0(?:[^0a-z+]{0,12}0){6}")
# Behind a digit and a comma only what is no thousands and no decimals begins: a column of a row may stand there.
_BEHIND_COMMA = r"(?<=[(+])|(?<=0)\d+[ \-/]\d|\d{2}-\d{3}-\d{4}(?!\d)"
# `(?:(?<!\w)(?<!\d\.)(?:(?<!\d,)|(?=…))|(?<=\d)(?=\+))(?:\(?\+|\()?\d…`, its first character before what looks behind it:
# so the search goes from digit to digit, and not by every character.
PHONE = re.compile(
    rf"[(+0-9](?:(?<!\w[(+\d])(?<!\d\.[(+\d])(?:(?<!\d,[(+\d])|(?={_BEHIND_COMMA}))|(?<=\d\+))"
    r"(?:(?<=\d)|(?<=\+)\d|(?<=\()\+?\d)"
    rf"(?:{SEPARATOR}\d){{6,16}}(?: ?(?:x|ext\.?) ?\d{{1,6}})?(?![\w%])"
)
_MORE = re.compile(rf"{SEPARATOR}\d")
_FIRST_DIGITS = re.compile(r"\D*\d+")
_DATE = re.compile(r"(?:1[89]|20)\d\d([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./])\d{1,2}\2(?:1[89]|20)\d\d")
_NORTH_AMERICAN = re.compile(r"\(?\d{3}\)?[-. ]?\d{3}[-. ]\d{4}(?!\d)")


def _words(*words: str) -> str:
    """Words that nothing of a word stands before. Each begins with a letter: other places are passed at once."""
    return "|".join(rf"{word}(?<!\w{word})" for word in words)


_CYRILLIC = tuple(word.translate(HOMOGLYPHS).lower() for word in ("тел", "Тел", "моб", "Моб"))  # noqa: RUF001
_CYRILLIC_PREFIXES = tuple(word.translate(HOMOGLYPHS).lower() for word in ("телефон", "Телефон"))

# All in lower case, for `stands_before`, and folded.
_WORD = (
    rf"phone(?<!\[phone)(?<!iphone)|tele?fon\w*|mobile?|m[oó]vil|whatsapp|{_words('fax', 'cell', 'handy', 'call', 'dial')}"
    rf"|(?:{_words('tel', 'tél', 'sms', 'text', 'ring', 'ph', 'mob', *_CYRILLIC)})\b|{'|'.join(_CYRILLIC_PREFIXES)}|電話|电话|手机|手機|携帯"
)
_PLACE = rf"answering|contact|number|reach|{_words('desk', 'office')}|(?:{_words('message', 'messages')})\b"
_MASK = r"\[phone\][^\n\d]{0,23}\Z"
_WORD_PARTS = (
    "phone", "tel", "mobil", "vil", "whatsapp", "fax", "cell", "handy", "call", "dial", "sms", "text", "ring",
    "answering", "contact", "number", "reach", "desk", "office", "message", "home", "work", "tél", "ph", "mob", *_CYRILLIC,
    "電話", "电话", "手机", "手機", "携帯",
)  # fmt: skip
"""One of them is in every text, in lower case, that has a word which marks a number."""

CONTEXT_BEFORE = re.compile(rf"(?:{_WORD}|{_PLACE})[^\n\d]{{0,24}}\n?[^\n\d]{{0,4}}$|{_MASK}")
WORD_BEFORE = re.compile(rf"(?:{_WORD})[^\n\d]{{0,24}}$|{_MASK}")
_CONTEXT_AFTER = re.compile(r"[ \-,(]{0,3}(?:mobile|office|fax|home|cell|work|phone|tel\b)", re.IGNORECASE)
_THING = (
    r"order|invoice|ref|inv|receipt|voucher|waybill|ticket|lot|batch|case|tracking|parcel|shipment|reference|serial|isbn|ean|sku|gtin|article|commit|build"
    r"|bestell\w*|auftrags?\w*|rechnungs?\w*|commande|facture|pedido|factura|ordine|fattura|rooms?|chapters?|scores?|pages?|lottery|iphone|nokia|model|gtin|upc|imei|vin|imo|seq|sequence"
    r"|account|transaction|booking|po|uuid|id|unix ?time|epoch|timestamp|created_at|updated_at|usd|eur|gbp|chf|jpy|population of"
)
_NUMBER_OF = r"(?:number|nr|no|n[°º]|id|code)"
_NUMBERED = r"part|item|customer|policy|contract|claim|project|product"
_THING_BEFORE = re.compile(
    rf"(?:\b(?:(?:{_THING})(?:[ _\-]?{_NUMBER_OF})?|(?:{_NUMBERED})[ _\-]?{_NUMBER_OF})"
    r"[^\w\n]{0,4}(?:is )?|[$€£¥] ?|[#§])\Z"
)
"""What a number is that is no telephone's: a few words need `number` or the like beside them, for prose has them, too."""

_AMOUNT_AFTER = re.compile(
    r" ?(?:euros?|dollars?|pounds?|francs?|yen|rupees?|usd|eur|gbp|chf|cents?|people|inhabitants|users|units|bytes|[€$£%])"
    r"(?!\w)",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:[ .]\d{3})*[ .]000")
_SIGNED_THOUSANDS = re.compile(r"\+[1-9]\d{0,2}(?: \d{3}){1,2}")
"""Up to nine digits, as a gain is written; telephone numbers with the code of a country are mostly longer."""

_DECIMALS = re.compile(r"\d{1,3}\.\d{3,}(?:[ ,]{1,2}-?\d{1,3}\.\d{3,})+")

_TIME = re.compile(  # seconds or milliseconds since 1970, and date and time in one piece
    r"1[4-9]\d{8}(?:\d{3})?|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])[0-2]\d[0-5]\d(?:[0-5]\d)?"
)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?!\w)", re.IGNORECASE)
_UUID_GROUPS = (0, 9, 14, 19, 24)
"""Where in a UUID its groups begin."""

_SEPARATORS = frozenset("-/ .()")
_MASKED_BEFORE = tuple(f"{kind.mask}{between}" for kind in (Kind.CARD, Kind.PHONE) for between in ("", " ", "-"))
_MASKED_AFTER = tuple(f"{between}{kind.mask}" for kind in (Kind.CARD, Kind.PHONE) for between in ("", " ", "-"))
_LONGEST_MASK = max(map(len, _MASKED_BEFORE))
_ROW = re.compile(r"\d+(?:[ .\-/]\d+)*")
_MAY_BEGIN_IN_ROW = re.compile(
    rf"(?<!\d)(?:0|{_NORTH_AMERICAN.pattern}|(?:1[89]|20)\d\d[-./]|\d\d?[-./]\d\d?[-./](?:1[89]|20)\d\d)"
)
_LAST_OF_ROW = 80
"""Characters at the end of a row of numbers in which one may be a telephone number by the word that follows."""

_SINGLES = re.compile(r"(?:\d(?!\d)[ .\-/]?)+")
_WITHOUT_SEPARATORS = str.maketrans("", "", "+-/.() ")
_EXTENSION = re.compile(r" ?(?:x|ext\.?) ?\d{1,6}$")
_GROUP = re.compile(r"\d+")
# With the code of a country and an area of one digit, but no IP address: 33.1.42.68.53.00; and as in North America.
_DOTTED_WITH_CODE = re.compile(
    r"1(?:\.\d{3}){2}\.\d{4}|(?!\d{2,3}(?:\.\d{1,3}){3}\Z)[2-9]\d{1,2}\.\d(?:\.\d{2,4}){2,5}"
)
_DIGITS_AND_LETTERS = re.compile(r"[0-9](?<!\d\d)\d{8,39}([^\W\d_]{0,24})(?!\w)")
_PLUS_AND_LETTERS_BACKWARDS = re.compile(r"(\+?)([^\W\d_]{0,24})(?![\w+])")

SHORTEST, LONGEST = 7, 15
"""Digits of a telephone number (E.164 allows 15)."""

FEWEST_NATIONAL = 8
FEWEST_IN_ONE = 10
"""Digits of a number without context: in three groups or more, and in fewer."""

MOST_NATIONAL = 13
"""Digits of a number that only the plans know; the longest ones with a prefix."""

FEWEST_DIFFERENT = 3

CONTEXT = 48
"""Characters before a number in which a word may tell that it is a telephone's."""


def stands_before(pattern: re.Pattern[str], text: str, end: int, characters: int = CONTEXT) -> bool:
    """Whether so many characters before `end` have the pattern in any case; one more is seen by what looks behind."""
    first = max(0, end - characters)
    return pattern.search(_lower(text[max(0, first - 1) : end]), min(first, 1)) is not None


def _lower(text: str) -> str:
    """In lower case, character by character, as `re.IGNORECASE` compares."""
    if text.isascii():
        return text.lower()
    for character, plain in _ALIKE:
        text = text.replace(character, plain)
    return text.lower()


_ALIKE = (("\u0130", "i"), ("\u0131", "i"), ("\u017f", "s"))
"""I with a dot, the only character with more than one in lower case; i without a dot; long s."""


def _has_words(text: str) -> bool:
    """Whether the text has any word that marks a number; False is certain."""
    lowered = _lower(text)
    return any(word in lowered for word in _WORD_PARTS)


def _is_other(text: str, start: int, end: int) -> bool:
    """Whether a number without `+` or brackets is named as something else, or written as an amount, a time or an identifier."""
    number = text[start:end]
    if any(start >= before and _UUID.match(text, start - before) for before in _UUID_GROUPS):
        return True
    if _SIGNED_THOUSANDS.fullmatch(number):
        return not stands_before(WORD_BEFORE, text, start)
    if number[0] in "+(" or _NORTH_AMERICAN.match(number):
        return False
    if stands_before(_THING_BEFORE, text, start):
        return True
    if stands_before(WORD_BEFORE, text, start):
        return False
    return (
        _AMOUNT_AFTER.match(text, end) is not None
        or _is_count(number)
        or _DECIMALS.fullmatch(number) is not None
        or _THOUSANDS.fullmatch(number) is not None
        or _TIME.fullmatch(number) is not None
    )


def _is_count(number: str) -> bool:
    """Whether its groups are numbers that follow each other, up or down."""
    groups = [int(group) for group in _GROUP.findall(number)]
    steps = {after - before for before, after in pairwise(groups)}
    return len(groups) > 2 and steps in ({1}, {-1})  # noqa: PLR2004


def _ends_in_digit(text: str, end: int) -> bool:
    """Whether a digit stands right before, or one separator before."""
    before = text[max(0, end - 2) : end]
    return before[-1:].isdigit() or (before[:1].isdigit() and before[1] in _SEPARATORS)


def _stands_apart(text: str, start: int, end: int) -> bool:
    """Whether it is no part of a longer row of numbers, masked ones too, as in a table or a list of measurements."""
    return (
        not _ends_in_digit(text, start)
        and _MORE.match(text, end) is None
        and not text.startswith(_MASKED_AFTER, end)
        and not text.endswith(_MASKED_BEFORE, max(0, start - _LONGEST_MASK), start)
    )


def _single_digits(text: str, start: int) -> int:
    """Where digits that stand alone after other digits end: neither form nor words nor a plan let a number begin there."""
    if not text[start].isdigit() or not _ends_in_digit(text, start):
        return start
    singles = _SINGLES.match(text, start)
    return start if singles is None else singles.end()


def _next_in_row(text: str, start: int, row_end: int) -> int:
    """Where in a row of numbers one may begin by form, or a date does; near the row's end that is anywhere."""
    last = row_end - _LAST_OF_ROW
    if start >= last:
        return start
    begun = _MAY_BEGIN_IN_ROW.search(text, start, last)
    return last if begun is None else begun.start()


class LongNumber(NamedTuple):
    """Digits in one piece, with the `+` before them, and how many letters touch them."""

    letters_before: int
    start: int
    end: int
    letters_after: int


def long_numbers(text: str) -> Iterator[LongNumber]:
    """The numbers of 9 to 40 digits that stand alone or between up to 24 letters."""
    for match in _DIGITS_AND_LETTERS.finditer(text):
        before = _PLUS_AND_LETTERS_BACKWARDS.match(text[max(0, match.start() - 26) : match.start()][::-1])
        if before is not None:
            start = match.start() - len(before[1])
            yield LongNumber(len(before[2]), start, match.start(1), len(match[1]))


# An international number whose groups stand further apart, or have other signs between them, than `PHONE` reads.
_SPREAD = re.compile(r"[+](?<![\w+][+])[ \t]?\(?[1-9](?:[ \t._·\-/()]{0,4}(?:\r?\n[ \t]{0,2})?\d){7,14}(?![\w%])")
_COUNTRY = re.compile("|".join(map(str, sorted(COUNTRY_CODE_TO_REGION_CODE, reverse=True))))


class PhoneRecogniser:
    """Telephone numbers: international ones by form, national ones by form and context, then by the numbering plans.

    Also several in a row, and ones that a letter touches, if a telephone's word or a leading zero or `+` marks them.
    """

    def concerns(self, shape: bytes) -> bool:
        return _SHAPE.search(shape) is not None or (b"+" in shape and _SPREAD_SHAPE.search(shape) is not None)

    def find(self, text: str) -> Iterator[Finding]:
        yield from self._apart(text)
        if "+" in text:
            yield from _spread(text)
        for number in long_numbers(text):
            digits = text[number.start : number.end]
            touched = number.letters_before or number.letters_after
            if not (touched or len(digits) > LONGEST) or len(set(digits)) < FEWEST_DIFFERENT:
                continue
            letters = text[number.start - number.letters_before : number.start]
            by_form = touched and digits[0] in "0+" and not (digits.startswith("00") and letters.isupper())
            if by_form or stands_before(WORD_BEFORE, text, number.start, CONTEXT + number.letters_before):
                yield Finding(number.start, number.end, Kind.PHONE, 0.7, "phone")

    def _apart(self, text: str) -> Iterator[Finding]:
        position = row_end = 0
        has_words = _has_words(text)
        while match := PHONE.search(text, position):
            position = _single_digits(text, match.start())
            if position == match.start() and _ends_in_digit(text, position):
                row = _ROW.match(text, position) if position >= row_end else None
                row_end = row_end if row is None else row.end()
                position = _next_in_row(text, position, row_end)
            if position > match.start():
                continue
            number = match.group()
            if "x" in number:
                number = _EXTENSION.sub("", number)
            count = len(number.translate(_WITHOUT_SEPARATORS))
            date = _DATE.match(text, match.start())
            score, end = None, match.end()
            if date is None and SHORTEST <= count <= LONGEST:
                score = self._as_one(number, count, text, (match.start(), end), has_words)
            if date is None and score is None and (count > LONGEST or _MORE.match(text, end)):
                first = self._first_of_many(number, text, match.start())
                if first is not None:
                    score, end = 0.7, first
            if score is not None and _is_other(text, match.start(), end):
                position = end
            elif score is not None:
                position = end
                yield Finding(match.start(), end, Kind.PHONE, score, "phone")
            else:  # a number may begin behind the date, or behind the first digits
                behind = date or _FIRST_DIGITS.match(text, match.start())
                position = match.end() if behind is None else behind.end()

    def _as_one(self, number: str, count: int, text: str, place: tuple[int, int], has_words: bool) -> float | None:
        """How sure the whole is one number, by form, by the words beside it or by the numbering plans."""
        start, end = place
        score = self._by_form(number, count, text, start if has_words else None, end)
        if score is None and (number[0] == "0" or _stands_apart(text, start, end)) and _is_national(number):
            return 0.6
        return score

    def _first_of_many(self, numbers: str, text: str, start: int) -> int | None:
        """Where the first of numbers that follow each other ends: the shortest that is one by form, word or plan."""
        labelled = not _ends_in_digit(text, start) and stands_before(WORD_BEFORE, text, start)
        by_form = numbers.startswith(("+", "(", "00")) or _NORTH_AMERICAN.match(numbers) is not None
        if not labelled and not by_form and not numbers.startswith("0"):
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
            if number.startswith("0") and _is_national(number):
                return end
        return None

    @staticmethod
    def _by_form(number: str, count: int, text: str, start: int | None, end: int) -> float | None:
        """`start` None: the words before and after do not count for this number."""
        if number.startswith(("+", "(+")) or (number.startswith("00") and count > SHORTEST + 2):
            return 0.9
        if start is not None and (
            stands_before(CONTEXT_BEFORE, text, start) or _CONTEXT_AFTER.match(text, end, end + 12)
        ):
            return 0.85
        if number.startswith("(") or _NORTH_AMERICAN.fullmatch(number):
            return 0.7
        return None


def _spread(text: str) -> Iterator[Finding]:
    for match in _SPREAD.finditer(text):
        number = match.group()
        if number.count("\n") > 1 or _is_other(text, match.start(), match.end()):
            continue
        if _COUNTRY.match("".join(_GROUP.findall(number))):
            yield Finding(match.start(), match.end(), Kind.PHONE, 0.7, "phone")


def _is_national(number: str) -> bool:
    """Whether some region has such a number; below ten digits only if it is written in three groups or more."""
    groups = _GROUP.findall(number)
    count = sum(map(len, groups))
    if not FEWEST_NATIONAL <= count <= MOST_NATIONAL or (count < FEWEST_IN_ONE and len(groups) < 3):  # noqa: PLR2004
        return False
    digits = "".join(groups)
    if min(map(len, groups)) == 1 and not _DOTTED_WITH_CODE.fullmatch(number):
        return False
    return is_national(digits) or (digits[0] == "0" and len(groups) > 1 and is_national_elsewhere(digits))
