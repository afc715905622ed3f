"""How to reach a person: e-mail addresses and telephone numbers."""

import re
from collections.abc import Iterator

import phonenumbers

from shared.contracts.personal_data.finding import Finding, Kind

_AT = re.compile(r"@|\uff20|%40")
_MARKS = ".'+~-"
_LOCAL = re.compile(rf"[\w{re.escape(_MARKS)}]*\w[{re.escape(_MARKS)}]*")
_DOMAIN = re.compile(r"(?:\w(?:[\w\-]{0,61}\w)?[.\u3002]){1,8}[^\W\d_][\w\-]{1,62}")
LONGEST_LOCAL = 128


class EmailRecogniser:
    """RFC 5321 addresses as people write them, with letters of any script; also percent-encoded in a URL."""

    def find(self, text: str) -> Iterator[Finding]:
        if "@" not in text and "\uff20" not in text and "%40" not in text:
            return
        for at in _AT.finditer(text):
            domain = _DOMAIN.match(text, at.end())
            if domain is None:
                continue
            backwards = _LOCAL.match(text[max(0, at.start() - LONGEST_LOCAL) : at.start()][::-1])
            if backwards is not None:
                start = at.start() - len(backwards.group().rstrip(_MARKS))
                yield Finding(start, domain.end(), Kind.EMAIL, 0.99, "email")


_SEPARATOR = r"(?: ?[\-/\u2010-\u2013] ?|[ .\u00a0]| ?\(|\)[ .\-]?)?"
_PHONE = re.compile(
    rf"(?<!\w)(?<!\d[.,])(?:\(?\+|\()?\d(?:{_SEPARATOR}\d){{6,16}}(?: ?(?:x|ext\.?) ?\d{{1,6}})?(?![\w%])"
)
_FIRST_DIGITS = re.compile(r"\D*\d+")
_DATE = re.compile(r"(?:1[89]|20)\d\d([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./])\d{1,2}\2(?:1[89]|20)\d\d")
_NORTH_AMERICAN = re.compile(r"\(?\d{3}\)?[-. ]?\d{3}[-. ]\d{4}(?!\d)")
_CONTEXT_BEFORE = re.compile(
    r"(?:phone|tele?fon\w*|\btel\b|\bfax|mobile?|m[oó]vil|\bcell|\bhandy|whatsapp|\bsms\b|\bcall|\bdial|\bdesk|\bmessages?\b"
    r"|\btext\b|answering|contact|number|reach|\bring\b|\boffice)[^\n\d]{0,24}\n?[^\n\d]{0,4}$|\[PHONE\][^\w]{0,3}$",
    re.IGNORECASE,
)
_CONTEXT_AFTER = re.compile(r"[ \-,(]{0,3}(?:mobile|office|fax|home|cell|work|phone|tel\b)", re.IGNORECASE)
_EXTENSION = re.compile(r" ?(?:x|ext\.?) ?\d{1,6}$")

SHORTEST, LONGEST = 7, 15
"""Digits of a telephone number (E.164 allows 15)."""

REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "BE", "CH", "SE", "DK", "PL", "PT", "BR", "AU", "ZA", "IN")
"""Where a number without a country code is tried."""

MAX_LOOKUPS = 50
"""National numbers looked up per text; the rest is masked unasked, so that no text costs much time."""


class PhoneRecogniser:
    """Telephone numbers: international ones by form, national ones by form and context, then by the numbering plans."""

    def find(self, text: str) -> Iterator[Finding]:
        position, lookups = 0, 0
        while match := _PHONE.search(text, position):
            number = _EXTENSION.sub("", match.group())
            count = sum(map(str.isdigit, number))
            date = _DATE.match(text, match.start())
            score = None
            if date is None and SHORTEST <= count <= LONGEST:
                score = self._by_form(number, count, text, match)
                if score is None:
                    lookups += 1
                    score = 0.6 if lookups > MAX_LOOKUPS or self._by_plan(number, count) else None
            if score is not None:
                position = match.end()
                yield Finding(match.start(), match.end(), Kind.PHONE, score, "phone")
            else:  # a number may begin behind the date, or behind the first digits
                behind = date or _FIRST_DIGITS.match(text, match.start())
                position = match.end() if behind is None else behind.end()

    @staticmethod
    def _by_form(number: str, count: int, text: str, match: re.Match[str]) -> float | None:
        if number.startswith(("+", "(+")) or (number.startswith("00") and count > SHORTEST + 2):
            return 0.9
        before, after = text[max(0, match.start() - 48) : match.start()], text[match.end() : match.end() + 12]
        if _CONTEXT_BEFORE.search(before) or _CONTEXT_AFTER.match(after):
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
