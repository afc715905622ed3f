"""Words of a text, and what can be seen of each without knowing any name: its form, its neighbours, lists of common words."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_WORD = re.compile(r"\w+|[^\w\s]")

DATED: Final = "dated"
"""What is true of a word of a date that is written out."""

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"\b(?:{_DAY} (?:of )?{_MONTH}(?:,? \d{{4}})?|{_MONTH} {_DAY}(?:,? \d{{4}})?|{_MONTH},? \d{{4}}"
    r"|\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})|\d{1,2}\.\d{1,2}\.\d{4})\b",
    re.IGNORECASE,
)

MOST_LETTERS: Final = 32
"""Of a longer word only the beginning is looked at."""


class Word(NamedTuple):
    """A run of letters and digits, or a sign, at code points [`start`, `end`)."""

    text: str
    start: int
    end: int


def words_of(text: str) -> list[Word]:
    """In order; what is between them is white space."""
    return [Word(match.group(), match.start(), match.end()) for match in _WORD.finditer(text)]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


LISTS: Final = {
    "country": _set(
        "afghanistan albania algeria andorra angola argentina armenia australia austria azerbaijan bahamas bahrain "
        "bangladesh barbados belarus belgium belize benin bhutan bolivia bosnia botswana brazil brunei bulgaria "
        "burkina burundi cambodia cameroon canada chad chile china colombia comoros congo croatia cuba cyprus "
        "czechia denmark djibouti dominica ecuador egypt eritrea estonia eswatini ethiopia fiji finland france "
        "gabon gambia germany ghana greece grenada guatemala guinea guyana haiti honduras hungary iceland india "
        "indonesia iran iraq ireland israel italy jamaica japan kazakhstan kenya kiribati korea kosovo kuwait "
        "kyrgyzstan laos latvia lebanon lesotho liberia libya liechtenstein lithuania luxembourg madagascar malawi "
        "malaysia maldives mali malta mauritania mauritius mexico micronesia moldova monaco mongolia montenegro "
        "morocco mozambique myanmar namibia nauru nepal netherlands nicaragua niger nigeria norway oman pakistan "
        "palau palestine panama paraguay peru philippines poland portugal qatar romania russia rwanda samoa "
        "senegal serbia seychelles singapore slovakia slovenia somalia spain sudan suriname sweden switzerland "
        "syria taiwan tajikistan tanzania thailand togo tonga tunisia turkey turkmenistan tuvalu uganda ukraine "
        "uruguay uzbekistan vanuatu venezuela vietnam yemen zambia zimbabwe usa uk uae england scotland wales "
        "greenland kingdom states emirates africa europe asia america "
    ),
    "people": _set(
        "afghan albanian algerian american angolan argentine argentinian armenian australian austrian azerbaijani "
        "bahraini bangladeshi belarusian belgian bolivian bosnian brazilian british bulgarian burmese cambodian "
        "cameroonian canadian chilean chinese colombian congolese croatian cuban cypriot czech danish dutch "
        "ecuadorean ecuadorian egyptian english estonian ethiopian european asian african fijian filipino finnish "
        "french georgian german ghanaian greek guatemalan haitian honduran hungarian icelandic indian indonesian "
        "iranian iraqi irish israeli italian jamaican japanese jewish jordanian kazakh kenyan korean kuwaiti "
        "latvian lebanese libyan lithuanian malaysian maltese mexican mongolian moroccan nepalese nigerian "
        "norwegian pakistani palestinian panamanian paraguayan peruvian polish portuguese romanian russian saudi "
        "scottish senegalese serbian singaporean slovak slovenian somali spanish sudanese swedish swiss syrian "
        "taiwanese thai tunisian turkish ugandan ukrainian uruguayan uzbek venezuelan vietnamese welsh yemeni "
        "zambian zimbabwean muslim christian catholic buddhist hindu "
    ),
    "title": _set("mr mrs ms miss dr prof professor sir madam mister herr frau lord lady mx rev"),
    "month": _set(
        "january february march april may june july august september october november december "
        "jan feb mar apr jun jul aug sep sept oct nov dec"
    ),
    "day": _set(
        "monday tuesday wednesday thursday friday saturday sunday today tomorrow yesterday tonight "
        "mon tue tues wed thu thur thurs fri sat sun"
    ),
    "company": _set("inc llc ltd corp co gmbh plc group company bank ag sa holdings partners corporation limited"),
    "street": _set(
        "street st avenue ave road rd boulevard blvd lane ln drive dr way court ct place pl square suite apt apartment "
        "unit floor box highway hwy rue via calle rua strasse straße platz plaza parkway terrace psc apo fpo po"
    ),
}
"""Common words, states and their peoples; no names of people or firms: a list of names would know whoever made the texts that are measured on."""


def features(
    words: Sequence[Word], text: str, kinds: Sequence[str | None], pieces: Sequence[int]
) -> Iterator[list[str]]:
    """For each word what is true of it; `kinds` names what the patterns have found there, `pieces` says how many the
    model's vocabulary cuts it into.
    """
    own = [_own(*each) for each in zip(words, kinds, pieces, strict=True)]
    dated = _dated(words, text)
    lowered = "case=none" if text.lower() == text else "case=upper" if text.upper() == text else "case=mixed"
    for at, word in enumerate(words):
        found = ["bias", lowered, *own[at], *([DATED] if at in dated else [])]
        for step in (-2, -1, 1, 2):
            if 0 <= at + step < len(words):
                found += [f"{step}:{each}" for each in own[at + step][: 12 if abs(step) == 1 else 3]]
            else:
                found.append(f"{step}:edge")
        before = text[words[at - 1].end : word.start] if at else "\n"
        found.append("gap=line" if "\n" in before else "gap=space" if before else "gap=none")
        yield found


def _dated(words: Sequence[Word], text: str) -> set[int]:
    """Which words are parts of a date that is written out: a day of a month or a month of a year, or three numbers."""
    starts = [word.start for word in words]
    return {
        at
        for match in _DATE.finditer(text)
        for at in range(bisect_left(starts, match.start()), bisect_left(starts, match.end()))
    }


def _own(word: Word, kind: str | None, pieces: int) -> list[str]:
    text = word.text[:MOST_LETTERS]
    lower = text.lower()
    shape = _shape(text)
    found = [f"w={lower}", f"s={shape}", f"k={kind}"]
    found += [f"in={name}" for name, members in LISTS.items() if lower in members or lower.removesuffix("s") in members]
    if text.isalpha():
        found.append(f"p={min(pieces, 4)}{shape}")
        found += [f"e3={lower[-3:]}", f"e2={lower[-2:]}", f"b2={lower[:2]}", f"n={min(len(lower), 8)}"]
        if not text.isascii():
            found.append("foreign")
    return found


def _shape(text: str) -> str:
    if text.isdigit():
        return f"d{min(len(text), 6)}"
    if not text.isalpha():
        return "mixed" if text[0].isalnum() else text
    if text.istitle():
        return "Xx" if len(text) > 1 else "X"
    return "XX" if text.isupper() else "xx" if text.islower() else "xX"
