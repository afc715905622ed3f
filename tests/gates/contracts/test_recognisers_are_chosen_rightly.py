"""What is left out to save time changes nothing: the same is masked as if everything were searched by every recogniser."""

import csv
import json
import random
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.personal_data import RECOGNISERS, Finding, Recogniser, deidentify, mask
from shared.contracts.personal_data.masking import CUT_OFF, REACH
from shared.contracts.personal_data.money import GROUPS, passes_luhn
from shared.contracts.personal_data.numbering_plans import REGIONS, is_national
from shared.contracts.personal_data.phone import (
    CONTEXT_BEFORE,
    PHONE,
    SEPARATOR,
    WORD_BEFORE,
    long_numbers,
    stands_before,
)
from tests.support.left_out import NOT_BESIDE

SETS = Path(__file__).parents[3].parent / "shared" / "data"

PIECES = st.sampled_from(
    [
        "a@example.com", "jane", "@", " @ ", "@ ", " at ", " AT ", " dot ", " DOT ", "(at)", "[ at ]", "{@}", "com", "gmail.com", "&#64;", "&#x40;", "&commat;", "%40", "&amp;",
        "4111 1111 1111 1111", "4111-1111-1111-1111", "4111", "378282246310005", "1234", "12", "1", "0", "00", "000", " ", "  ", "-", ".", "/", "(", ")", "+", "_", ",", "%",
        "+49 30 901820", "+44", "020 7946 0958", "09061701461", "467 3395", "555-555-5555", "2020-01-01", "ext 12", "x12", "460-89-9847", "460 89", "9847",
        "192.168.0.1", "1.1.1.1", "12.34", "2001:db8::8a2e:370:7334", "::", ":", "ab:cd:ef:01:23::", "fe80::1%eth0", "::ffff:1.2.3.4",
        "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "de89-3704-0044", "NO9386011117947", "GB82", "WEST12345698765432", "A", "z",
        "https://u:p@example.com", "://", "?token=x", "&api_key=", "#sid=1", "?", "&", ";", "=", "key", "_",
        "phone", "Tel", "TEL", "telefon", "call ", "CALL", "recall", "fax", "mob\u0131le", "móvil", "MÓVIL", "\u017fms ", "İ", "K", "d\u0131al ", "text ", "messages", "desk", "contact us",
        "AKIAIOSFODNN7EXAMPLE", "AKIA", "eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0In0", "bearer ", "Authorization: Basic ", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----",
        "00:1a:2b:3c:4d:5e", "001a.2b3c.4d5e", "mac ", "SSN: ", "\u017fsn ", "460899847", "%2E", "&#46;", "lot ", "version ", " euros", "000", "ghp_", "secret_key=",
        "glpat-0123456789abcdefghij", "sk-proj-abcdefghij0123456789", "hf_", "SG.", "password: ", "hunter2", "api_key=", "abcdef0123456789abcdef", "session",
        "[dot]", "-at-", "_dot_", "*at*", "*dot*", "(\u00e4t)", "(\u00c4T)", "[ arroba ]", "(punto)", " . ", "[.]", "(.)", "192.168", "ip:", "fe80::1ff:", "+49\t30\t", "901820",
        "\u00b7", "ss# ", "S.S.N. ", "social-security ", "460 - 89 - 9847", "DE 89 3704 0044 0532 0130 00", "4111:1111:1111:", "1111", "\u0442\u0435\u043b. ", "03-1234-5678",
        "[PHONE]", "[EMAIL]", "[CARD]", "[SSN]", "[MAC]", "[SECRET]", "\n", "\r\n", "\t", "\x1c", "\x85", "\u2028", "\u200b", "\u0301", "\uff20", "\uff11", "\u3002", "\u0665", "é", "£", "😀",
    ]
)  # fmt: skip
TEXTS = (
    st.lists(PIECES, max_size=16).map("".join) | st.text("0123456789 -.()+/@:a=", max_size=80) | st.text(max_size=60)
)


class Always:
    """A recogniser that every text is given to."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser

    def concerns(self, shape: bytes) -> bool:
        return True

    def find(self, text: str) -> Iterable[Finding]:
        return self._recogniser.find(text)


EVERY = [Always(recogniser) for recogniser in RECOGNISERS]


@given(TEXTS)
@settings(max_examples=2_000)
def test_a_recogniser_that_is_not_asked_would_find_nothing(text: str) -> None:
    assert deidentify(text) == deidentify(text, EVERY)


def _real_texts() -> Iterator[str]:
    for item in json.loads((SETS / "pii" / "presidio_synth_v2.json").read_text(encoding="utf-8")):
        yield item["full_text"]
    for path in sorted((SETS / "text").rglob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.reader(file):
                yield from row


@pytest.mark.skipif(not SETS.exists(), reason=f"the real texts {NOT_BESIDE}")
def test_real_texts_are_masked_as_if_every_recogniser_were_asked() -> None:
    texts = list(_real_texts())
    assert len(texts) > 10_000
    assert [text for text in texts if deidentify(text) != deidentify(text, EVERY)] == []


@given(TEXTS | st.text("aZ_ \u2460\u2463\uff11\u0661\u24b6", max_size=24))
@settings(max_examples=2_000)
def test_letting_a_text_through_at_once_changes_nothing(text: str) -> None:
    assert mask(text) == deidentify(text)[0]


@pytest.mark.skipif(not SETS.exists(), reason=f"the real texts {NOT_BESIDE}")
def test_real_texts_and_their_words_are_masked_alike_with_findings_and_without() -> None:
    texts = {piece for text in _real_texts() for piece in (text, *text.split())}
    assert [text for text in texts if mask(text) != deidentify(text)[0]] == []


@given(st.lists(PIECES, min_size=1, max_size=8).map("".join), st.sampled_from(["lorem ipsum, ", "1234 ", "- ", "é"]))
@settings(max_examples=200)
def test_what_is_searched_again_after_masking_is_enough_of_a_long_text(text: str, between: str) -> None:
    gap = f"as follows:\n{between * (2 * (REACH + CUT_OFF) // len(between))}"
    if deidentify(gap)[1]:
        return
    masked, _ = deidentify(f"{text}\n{gap}\n{text}")
    assert masked == f"{deidentify(text)[0]}\n{gap}\n{deidentify(text)[0]}"


PLAIN_BEHIND_COMMA = r"[(+]|0\d+[ \-/]\d|\d{3}-\d{3}-\d{4}(?!\d)"
PLAIN_PHONE = re.compile(
    rf"(?:(?<!\w)(?<!\d\.)(?:(?<!\d,)|(?={PLAIN_BEHIND_COMMA}))|(?<=\d)(?=\+))(?:\(?\+|\()?\d(?:{SEPARATOR}\d){{6,16}}"
    r"(?: ?(?:x|ext\.?) ?\d{1,6})?(?![\w%])"
)
PLAIN_GROUPS = re.compile(
    r"(?<!\d)(?<!\d\.)(?:(?<!\d,)|(?=\d{12}|\d{4}[ .\-]\d{4}[ .\-]\d{4}|\d{4}[ .\-]\d{6}[ .\-]\d{4}))\d+(?:[ .\-]\d+)*"
)
PLAIN_LONG_NUMBERS = re.compile(r"(?<![\w+])([^\W\d_]{0,24})(\+?\d{9,40})([^\W\d_]{0,24})(?!\w)")
WORD = (
    r"(?<!\[)(?<!i)phone|tele?fon\w*|\btel\b|\bfax|mobile?|m[oó]vil|\bcell|\bhandy|whatsapp|\bsms\b|\bcall|\bdial|\btext\b|\bring\b"
    r"|\b(?:t\u00e9l|ph|mob|[\u0442t]e\u043b|[\u043cm]o\u0431)\b|[\u0442t]e\u043be\u0444o\u043d"
    r"|\u96fb\u8a71|\u7535\u8bdd|\u624b\u673a|\u624b\u6a5f|\u643a\u5e2f"
)
PLAIN_CONTEXT_BEFORE = re.compile(
    rf"(?:{WORD}|\bdesk|\bmessages?\b|answering|contact|number|reach|\boffice)[^\n\d]{{0,24}}\n?[^\n\d]{{0,4}}$"
    r"|\[PHONE\][^\n\d]{0,23}\Z",
    re.IGNORECASE,
)
PLAIN_WORD_BEFORE = re.compile(rf"(?:{WORD})[^\n\d]{{0,24}}$|\[PHONE\][^\n\d]{{0,23}}\Z", re.IGNORECASE)


@given(TEXTS.filter(lambda text: not any(character.isdigit() and character > "9" for character in text)))
@settings(max_examples=2_000)
def test_a_pattern_that_is_written_to_be_fast_finds_what_the_plain_one_finds(text: str) -> None:
    assert [match.span() for match in PHONE.finditer(text)] == [match.span() for match in PLAIN_PHONE.finditer(text)]
    assert [match.span() for match in GROUPS.finditer(text)] == [match.span() for match in PLAIN_GROUPS.finditer(text)]
    plain = [(len(found[1]), *found.span(2), len(found[3])) for found in PLAIN_LONG_NUMBERS.finditer(text)]
    assert [(one.letters_before, one.start, one.end, one.letters_after) for one in long_numbers(text)] == plain
    for end in range(len(text) + 1):
        first = max(0, end - 48)
        assert stands_before(CONTEXT_BEFORE, text, end) == (PLAIN_CONTEXT_BEFORE.search(text, first, end) is not None)
        assert stands_before(WORD_BEFORE, text, end) == (PLAIN_WORD_BEFORE.search(text, first, end) is not None)


@given(st.text("0123456789", min_size=12, max_size=19))
def test_the_check_of_card_numbers_is_that_of_the_standard(digits: str) -> None:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    assert passes_luhn(digits) == (total % 10 == 0)


@given(st.text("0123456789", min_size=8, max_size=15) | st.text("0123456789", min_size=7, max_size=14).map("0".__add__))
@settings(max_examples=2_000)
def test_what_libphonenumber_takes_for_a_number_of_a_region_is_one_by_the_joined_plans(digits: str) -> None:
    assert is_national(digits) or not any(map(partial(_is_valid, digits), REGIONS))


def test_the_joined_plans_have_hardly_more_numbers_than_libphonenumber() -> None:
    rng = random.Random(0)
    numbers = ["".join(rng.choices("0123456789", k=rng.randrange(8, 16))) for _ in range(4_000)]
    accepted = [digits for digits in numbers if is_national(digits)]
    assert sum(any(map(partial(_is_valid, digits), REGIONS)) for digits in accepted) >= 0.99 * len(accepted)


def _is_valid(digits: str, region: str) -> bool:
    try:
        parsed = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_valid_number_for_region(parsed, region))
