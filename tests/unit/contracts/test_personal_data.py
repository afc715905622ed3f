from pathlib import Path

import pytest

from shared.contracts.personal_data import Finding, Kind, MaskedOffsets, deidentify, mask

MEASURED = Path(__file__).parents[3].parent / "shared" / "data" / "pii" / "presidio_synth_v2.json"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to jane.doe+x@example.co.uk!", "write to [EMAIL]!"),
        ("...jane@example.com", "...[EMAIL]"),
        ("mailto:jörg@müller.de", "mailto:[EMAIL]"),
        ("?mail=jane%40example.com", "?mail=[EMAIL]"),
        ("jane\uff20example.com", "[EMAIL]"),
        (f"{'a' * 90}@example.com", "[EMAIL]"),
        ("ring +49 (0)30 901820 now", "ring [PHONE] now"),
        ("Phone: 467 3395", "Phone: [PHONE]"),
        ("(555) 010-9999 x12", "[PHONE]"),
        ("2024-05-17 08712 300 220", "2024-05-17 [PHONE]"),
        ("to 89693. 08715500022 now", "to 89693. [PHONE] now"),
        ("+49 30 - 901820", "[PHONE]"),
        ("call 451 5986, 467 3395", "call [PHONE], [PHONE]"),
        ("paid with 4111 1111 1111 1111", "paid with [CARD]"),
        ("paid with 4111111111111111 123", "paid with [CARD] 123"),
        ("3782-822463-10005", "[CARD]"),
        ("to gb82 west 1234 5698 7654 32.", "to [IBAN]."),
        ("DE89370400440532013000", "[IBAN]"),
        ("from 192.168.17.4:8080", "from [IP]:8080"),
        ("from 2001:db8:85a3::8a2e:370:7334.", "from [IP]."),
        ("fe80::1ff:fe23:4567:890a%eth2", "[IP]"),
        ("https://jane:s3cret@example.com/x", "https://[CREDENTIALS]@example.com/x"),
        ("git clone ssh://token@example.com", "git clone ssh://[CREDENTIALS]@example.com"),
        ("https://example.com/?a=1&access_token=abc.def#x", "https://example.com/?a=1&access_token=[SECRET]#x"),
        ("ssn 460-89-9847", "ssn [SSN]"),
    ],
)
def test_personal_data_is_masked(text: str, masked: str) -> None:
    assert deidentify(text)[0] == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("jane\u200b@exam\u00adple.c\u2060om now", "[EMAIL] now"),
        ("j\u0335a\u0336n\u0335e\u0336@e\u0301xample.com\u0301!", "[EMAIL]!"),
        ("jo\u0308rg@mu\u0308ller.de", "[EMAIL]"),
        ("\uff4a\uff41\uff4e\uff45\uff20\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45\uff0e\uff43\uff4f\uff4d", "[EMAIL]"),
        ("jane\ufe6bexample\u3002com", "[EMAIL]"),
        ("\U0001d423\U0001d41a\U0001d427\U0001d41e@example.com", "[EMAIL]"),
        ("jane&#64;example.com, jane&#x40;example.com", "[EMAIL], [EMAIL]"),
        ("jane.doe (at) example dot com", "[EMAIL]"),
        ("jane dot doe [at] example [dot] co [dot] uk", "[EMAIL]"),
        ("mail jane dot doe at example dot com today", "mail [EMAIL] today"),
        ("its jane@ usc.edu or jane @usc.edu", "its [EMAIL] or [EMAIL]"),
        ("jane @ gmail.com", "[EMAIL]"),
        ("call\u200b 0\u200b871\u200b2300\u200b220", "call\u200b [PHONE]"),
        ("\uff0b\uff14\uff19 30 901820", "[PHONE]"),
        ("ring +49\u200930\u2009901820", "ring [PHONE]"),
        ("0\ufe0f\u20e38\ufe0f\u20e37\ufe0f\u20e312300220", "[PHONE]"),
        ("+4930901820+4930901821", "[PHONE][PHONE]"),
        ("555-010-9999 555-010-8888 555-010-7777", "[PHONE] [PHONE] [PHONE]"),
        ("020 7946 0958 020 7946 0959", "[PHONE] [PHONE]"),
        ("call 451 5986 467 3395 451 5987", "call [PHONE] [PHONE]"),
        ("call08715500022now", "call[PHONE]now"),
        ("Help08714742804", "Help[PHONE]"),
        ("claim 08708034412quoting this", "claim [PHONE]quoting this"),
        ("call 0871550002208715500023", "call [PHONE]"),
        ("card4111111111111111x", "card[CARD]x"),
        (
            "\u06f4\u06f1\u06f1\u06f1 \u06f1\u06f1\u06f1\u06f1 \u06f1\u06f1\u06f1\u06f1 \u06f1\u06f1\u06f1\u06f1",
            "[CARD]",
        ),
        ("192\u2024168\u202417\u20244", "[IP]"),
        ("DE89\u200b3704\u200b0044\u200b0532\u200b0130\u200b00", "[IBAN]"),
        ("ssn 460\u2011\u200b89\u20119847", "ssn [SSN]"),
    ],
)
def test_what_hides_personal_data_from_machines_hides_it_in_vain(text: str, masked: str) -> None:
    assert deidentify(text)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Meet me on 2024-05-17 at 10:30:45.",
        "born 12/1/1981",
        "version 10.4.2, build 20240517",
        "std::vector<a::b>",
        "user @home, 5 @ 3.20",
        "4111 1111 1111 1112 has a wrong check digit",
        "GB33 WEST 1234 ABCD has no right length",
        "000-12-3456 is never given out",
        "it costs 1,234,567.00",
        "https://example.com/@jane",
        "12:34:56",
        "999.1.1.1",
        "the year 1999 and 2001",
        "pi is 3.14159265358979",
        "from 2024-05-17 10:30 to 2024-05-18 11:45",
        "width 1024 height 768 depth 32",
        "meet me at the polka dot dress shop",
        "look at the red dot in it",
        "dinner @ luigi.com",
        "charged@150p/msg @ one gbp",
        "see f(at)[0].shape",
        "id=820554ad0a1705572711&first=true",
        "commit 4f2a9c81d07b6e5533aa09120987651234567890",
        "order12345678901 was sent",
        "read 4294967296bytes",
        "5 m\u00b2, 10\u2076, n\u00ba 12",
        "\u0e01\u0e34\u0e19 \u200b\u0e02\u0e49\u0e32\u0e27",
    ],
)
def test_what_is_no_personal_data_stays(text: str) -> None:
    assert deidentify(text) == (text, [])


@pytest.mark.parametrize(
    "number",
    ["4111111111111111", "4111 1111 1111 1111", "+49 30 901820", "192.168.17.4", "460-89-9847"],
)
@pytest.mark.parametrize("digits", ["\u2460\u2461\u2462\u2463\u2464\u2465\u2466\u2467\u2468", "\u2080"])
def test_a_short_text_in_look_alikes_is_masked_as_any_other(number: str, digits: str) -> None:
    table = {str(index): digit for index, digit in enumerate(digits, start=1 if len(digits) > 1 else 0)}
    text = "".join(table.get(character, character) for character in number)
    assert mask(text) == deidentify(text)[0]


@pytest.mark.parametrize(
    "text", ["\u2463" + "\u2460" * 15, "a\u2460" * 9, "a" * 19 + " " + "b" * 19, "a" * 50, "a b c"]
)
def test_masking_at_once_and_with_findings_give_the_same(text: str) -> None:
    assert mask(text) == deidentify(text)[0]


@pytest.mark.parametrize(
    "number", ["12345 6789", "612 34 56 78", "030 12345678", "2345 678 901", "123 456 789 01", "9876543210"]
)
def test_equal_rows_are_masked_alike_however_many_there_are(number: str) -> None:
    masked = deidentify("".join(f"row {index}: {number}\n" for index in range(400)))[0].splitlines()
    assert {row.partition(": ")[2] for row in masked} == {deidentify(f"row 0: {number}")[0].partition(": ")[2]}


@pytest.mark.parametrize(
    "text",
    [
        "417 582 633 904 571 268 330 745",
        "123 456 789 012 345 678 901 234\n234 567 890 123 456 789 012 345",
        "12 345 67 89 101 112 13 14 15",
        "4556 123 9018 22 5100 77 640 12",
    ],
)
def test_rows_of_small_numbers_are_neither_cards_nor_telephones(text: str) -> None:
    assert deidentify(text) == (text, [])


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4",
        "v1.2.3.4",
        "upgrade to release 2.10.0.1",
        "Chrome/120.0.6099.71 is out",
        "Unix time 1718000000",
        "created_at: 1718000000",
        "timestamp=1718000000123",
        "at 1718000000 it broke",
        "2024/2025",
        "in the years 2024/2025 and 2025/2026",
        "USD 100 000 000",
        "10 000 000 euros",
        "EUR 12 500 000",
        "it cost 100 000 000 dollars",
        "€ 120 000 000",
        "2023-2024 10 000 000 euros",
        "10-12 14-16 18-20",
        "open 10-12 14-16 18-20",
        "order 4155550134",
        "order number 4155550134",
        "Order #2125550187",
        "invoice 0301234567",
        "invoice no. 2024 0012 3456",
        "invoice number: 612345678",
        "ticket 0207946095",
        "ticket number 5551234567",
        "lot 0012345678",
        "lot number 0012345678",
        "case 2024 1234567",
        "case number 0871 2300 220",
        "tracking number 9400111899223197",
        "tracking 1Z999AA10123456784",
        "parcel 00340434161094042557",
        "UUID 550e8400-e29b-41d4-a716-446655440000",
        "550e8400-e29b-41d4-a716-026655440000",
        "id 123e4567-e89b-12d3-a456-426614174000",
        "ISBN 978-3-16-148410-0",
        "ISBN 0306406152",
        "part number 0012345678",
        "serial number 4930901820",
        "population of 83 200 000",
        "3 000 000 000 bytes",
        "123 456 789 people",
        "reference 2024-0012-3456",
        "article 12 345 678",
        "SKU 012345678905",
        "EAN 4006381333931",
        "commit 0123456789",
        "12.05.2024 14:30",
        "score 10-12, 14-16, 18-20",
        "pages 100-120 130-140 150-160",
        "build 10.0.19045.3803",
        "section 1.2.3.4",
        "1999-2000 2001-2002",
        "mm 10 20 30 40 50",
        "2024-2025 100 000 000 USD",
        "customer number 0012345678",
        "transaction 2079460958",
        "20240517103011",
        "DOI 10.1000/182 1234567",
        "latitude 52.520008 13.404954",
        "PO 4500012345",
        "account 12 34 56 78",
        "row 612 345 678 901 234",
    ],
)
def test_amounts_times_versions_and_identifiers_stay(text: str) -> None:
    assert deidentify(text) == (text, [])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("in any case call 030 12345678", "in any case call [PHONE]"),
        ("order by phone: 0301234567", "order by phone: [PHONE]"),
        ("order 4155550134, phone 0301234567", "order 4155550134, phone [PHONE]"),
        ("customer 0301234567", "customer [PHONE]"),
        ("ticket +49 30 901820", "ticket [PHONE]"),
        ("invoice to 415-555-0134", "invoice to [PHONE]"),
        ("conversion 10.1.2.3", "conversion [IP]"),
    ],
)
def test_a_telephone_number_beside_such_words_is_masked(text: str, masked: str) -> None:
    assert deidentify(text)[0] == masked


def test_findings_point_into_the_text() -> None:
    text = "a@example.com or 4111111111111111"
    findings = deidentify(text)[1]
    assert findings == [Finding(0, 13, Kind.EMAIL, 0.99, "email"), Finding(17, 33, Kind.CARD, 1.0, "card")]


def test_offsets_follow_the_mask() -> None:
    text = "Ask jane.doe@example.com about Berlin."
    masked, findings = deidentify(text)
    offsets = MaskedOffsets(findings)
    start = text.index("Berlin")
    assert masked[offsets.of(start) :].startswith("Berlin")
    assert offsets.of(3) == 3
    assert offsets.of(len(text)) == len(masked)
    inside = text.index("example")
    assert offsets.of(inside) == 4
    assert offsets.of(inside, at_end=True) == 4 + len("[EMAIL]")


def test_findings_point_into_the_text_as_it_was_sent() -> None:
    text = "\u200bAsk ja\u200bne@exam\u00adple.com\u200b, \uff0b\uff14\uff19\u200b30901820."
    masked, findings = deidentify(text)
    assert [text[finding.start : finding.end] for finding in findings] == [
        "ja\u200bne@exam\u00adple.com\u200b",
        "\uff0b\uff14\uff19\u200b30901820",
    ]
    assert masked == "\u200bAsk [EMAIL], [PHONE]."


@pytest.mark.parametrize(
    "number",
    ["1.202.555.0143", "1.415.555.2671", "33.1.42.68.53.00", "44.20.7946.0958"],
)
@pytest.mark.parametrize("text", ["{}", "My number is {}, thanks.", "({})", "Ada ({}) and Bob"])
def test_a_dotted_number_with_the_code_of_a_country_is_a_telephones(number: str, text: str) -> None:
    assert mask(text.format(number)) == text.format("[PHONE]").replace("([PHONE])", mask(f"({number})"))


@pytest.mark.parametrize(
    "text",
    [
        "ref 1234567890",
        "Ref: 1234567890",
        "Your ref. 2025550143 of May",
        "ref no. 1234567890",
        "REF #1234567890",
        "inv 2025550143",
        "receipt 1234567890",
        "order n° 4155550134",
        "facture n° 0142685300",
        "waybill 9876543210",
        "1.3.6.1.4.1.31121.12",
        "1.2.840.113549.1.1.11",
        "version 1.202.555",
        "host 1.202.155.143",
        "41.2.168.100",
        "section 3.12.14.15.92.65",
        "1.234.567.890 euros",
    ],
)
def test_a_reference_or_an_identifier_with_dots_is_no_telephone_number(text: str) -> None:
    assert "[PHONE]" not in mask(text)


@pytest.mark.parametrize("text", ["ref +1 202 555 0143", "ref: (202) 555-0143", "prefer 202-555-0143"])
def test_a_telephone_number_by_its_form_stays_one_behind_a_reference(text: str) -> None:
    assert "[PHONE]" in mask(text)
