"""Where a person's money lies: payment cards and bank accounts, both with a check digit."""

import re
from collections.abc import Iterator

from shared.contracts.personal_data.recognisers import Finding, Kind

# The first digit stands before what looks behind it: so the search goes from digit to digit, and not by every character.
# Behind a digit and a comma only digits as cards are printed begin: others are thousands or decimals, these a column.
GROUPS = re.compile(
    r"[0-9](?<!\d\d)(?<!\d\.\d)(?:(?<!\d,\d)|(?=\d{11}|\d{3}[ .\-]\d{4}[ .\-]\d{4}|\d{3}[ .\-]\d{6}[ .\-]\d{4}))"
    r"\d*(?:[ .\-]\d+)*"
)
_DIGITS = re.compile(r"\d+")
_ISSUER = re.compile(r"4|5[0-9]|6|3[04-9]|2[2-7]|2131|1800")
SHORTEST_CARD, LONGEST_CARD = 12, 19
SHORTEST_GROUP = 3
# How cards are printed: groups of four, the last of three to six, or 4-6-4 and 4-6-5.
_PRINTED = re.compile(r"(?<!\d)(?:\d{12}|\d{4}[ .\-]\d{4}[ .\-]\d{4}|\d{4}[ .\-]\d{6}[ .\-]\d{4})")
# Groups of cards over lines, in columns, or with signs between them.
_BETWEEN = r"(?:[ \t]{1,4}|[ \t]{0,2}(?:(?:\r?\n){1,2}|[.\-/_:|*\\]{1,2}(?:\r?\n)?)[ \t]{0,2})"
_SPREAD = re.compile(
    rf"[0-9](?<![\w.\-/][0-9])(?<!\d\s[0-9])[0-9]{{3}}(?:{_BETWEEN}[0-9]{{4}}){{3}}(?:{_BETWEEN}[0-9]{{3}})?(?!\w|\s\d|[.\-/]\d)"
    rf"|[0-9](?<![\w.\-/][0-9])(?<!\d\s[0-9])[0-9]{{3}}{_BETWEEN}[0-9]{{6}}{_BETWEEN}[0-9]{{4,5}}(?!\w|\s\d|[.\-/]\d)"
    rf"|[0-9](?<![\w.\-/][0-9])(?<!\d\s[0-9])[0-9]{{7}}{_BETWEEN}[0-9]{{8}}(?!\w|\s\d|[.\-/]\d)",
    re.ASCII,
)
_CARD_SHAPE = re.compile(
    rf"0(?:[ .\-]?0){{11}}|0000(?:{_BETWEEN}0000(?:00)?|0000){_BETWEEN}0000".encode()
)  # what `_SPREAD` has in its first groups, at least
GROUP, MIDDLE_GROUP, LONGEST_LAST_GROUP = 4, 6, 6


def passes_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: every second digit from the right doubled, the sum divisible by ten."""
    codes = digits.encode("ascii")
    return (sum(codes[-1::-2]) + sum(codes[-2::-2].translate(_DOUBLED)) - len(codes) * ord("0")) % 10 == 0


_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


class CardRecogniser:
    """12 to 19 digits of a known issuer range that pass the Luhn check: in one piece, in groups as cards are printed, or in
    any groups of three digits or more that no other number stands beside.
    """

    def concerns(self, shape: bytes) -> bool:
        return _CARD_SHAPE.search(shape) is not None

    def find(self, text: str) -> Iterator[Finding]:
        for run in GROUPS.finditer(text):
            if len(run.group()) >= SHORTEST_CARD:
                yield from self._in_run(run.group(), run.start())
        for spread in _SPREAD.finditer(text):
            digits = "".join(_DIGITS.findall(spread.group()))
            if _ISSUER.match(digits) is not None and passes_luhn(digits):
                yield Finding(spread.start(), spread.end(), Kind.CARD, 1.0, "card")

    def _in_run(self, run: str, offset: int) -> Iterator[Finding]:
        if len(run) < 2 * LONGEST_CARD and self._is_one_card(run):
            yield Finding(offset, offset + len(run), Kind.CARD, 1.0, "card")
            return
        if _PRINTED.search(run) is None:
            return
        groups = [(match.start(), match.end(), match.group()) for match in _DIGITS.finditer(run)]
        index = 0
        while index < len(groups):
            last = self._last_group(groups, index)
            if last is None:
                index += 1
            else:
                yield Finding(offset + groups[index][0], offset + groups[last][1], Kind.CARD, 1.0, "card")
                index = last + 1

    @staticmethod
    def _is_one_card(run: str) -> bool:
        groups = _DIGITS.findall(run)
        digits = "".join(groups)
        return (
            SHORTEST_CARD <= len(digits) <= LONGEST_CARD
            and all(len(group) >= SHORTEST_GROUP for group in groups[1:])
            and _ISSUER.match(digits) is not None
            and passes_luhn(digits)
        )

    @staticmethod
    def _last_group(groups: list[tuple[int, int, str]], first: int) -> int | None:
        """The last of the groups from `first` on that are together the longest card number."""
        digits, best = "", None
        for index in range(first, len(groups)):
            group = groups[index][2]
            if len(digits) + len(group) > LONGEST_CARD:
                break
            digits += group
            if _is_printed_card([each[2] for each in groups[first : index + 1]], len(digits)):
                if not _ISSUER.match(digits):
                    break
                if passes_luhn(digits):
                    best = index
        return best


def _is_printed_card(groups: list[str], digits: int) -> bool:
    """Whether groups with so many digits together are those of a card."""
    if digits < SHORTEST_CARD:
        return False
    lengths = [len(group) for group in groups]
    if len(lengths) == 1 or (lengths[:2] == [GROUP, MIDDLE_GROUP] and len(lengths) == 3):  # noqa: PLR2004
        return True
    return set(lengths[:-1]) == {GROUP} and SHORTEST_GROUP <= lengths[-1] <= LONGEST_LAST_GROUP


IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
    "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
"""Characters of an IBAN by country (SWIFT IBAN registry)."""

_IBAN_SHAPE = re.compile(
    rb"00(?:(?<=[a-z]{2}00)|(?<=[a-z]{2} 00))(?:[ \t\-./,:_|*\r\n]{0,3}[0a-z]){11}"
)  # Norway's have fifteen characters, no country's fewer
# Begins with the digits, which are rarer than letters, so that most of a text is skipped at once.
_CHECK_DIGITS = re.compile(
    r"[0-9](?:(?<=[A-Za-z]{2}[0-9])|(?<=[A-Za-z]{2} [0-9]))[0-9](?=[ \t\-./,:_|*\r\n]{0,3}[A-Za-z0-9])"
)
_SEPARATOR = " \t-./,:_|*\r\n"
_USUAL_SEPARATOR = " -./\n"
_MOST_SEPARATORS = 3
_MOST_LETTERS = 6
"""Letters of an account number that is written apart in other ways than by single spaces or signs, as prose may be."""


def passes_mod_97(iban: str) -> bool:
    """ISO 13616 / ISO 7064 MOD 97-10 on an IBAN without separators."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


class IbanRecogniser:
    """International bank account numbers, in any case, with or without separators, that pass the check."""

    def concerns(self, shape: bytes) -> bool:
        return _IBAN_SHAPE.search(shape) is not None

    def find(self, text: str) -> Iterator[Finding]:
        for match in _CHECK_DIGITS.finditer(text):
            apart = text[match.start() - 1] == " "
            start = match.start() - 2 - apart
            country = text[max(start, 0) : start + 2].upper()
            length = IBAN_LENGTHS.get(country)
            if length is None or not _begins_here(text, start):
                continue
            end, account, widely = _read(text, match.end(), length - 4)
            if len(account) != length - 4 or ((apart or widely) and sum(map(str.isalpha, account)) > _MOST_LETTERS):
                continue
            if passes_mod_97(country + match.group() + account):
                yield Finding(start, end, Kind.IBAN, 1.0, "iban")


def _begins_here(text: str, start: int) -> bool:
    """Whether no letter or digit stands before, but for the word `IBAN`."""
    before = text[max(0, start - 4) : start]
    return not (before[-1:].isascii() and before[-1:].isalnum()) or before.upper() == "IBAN"


def _read(text: str, start: int, length: int) -> tuple[int, str, bool]:
    """Read `length` letters and digits from `start`, fewer when something else comes; whether separators are unusual."""
    characters, position, between, widely = list[str](), start, 0, False
    while position < len(text) and len(characters) < length:
        character = text[position]
        if character.isascii() and character.isalnum():
            characters.append(character)
            between = 0
        elif character in _SEPARATOR and between < _MOST_SEPARATORS:
            between += 1
            widely = widely or between > 1 or character not in _USUAL_SEPARATOR
        else:
            break
        position += 1
    followed = position < len(text) and text[position].isascii() and text[position].isalnum()
    return position, "" if followed else "".join(characters), widely
