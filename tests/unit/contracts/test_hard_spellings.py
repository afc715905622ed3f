"""Personal data and secrets as they are broken over lines, encoded, obfuscated or written without signs."""

import pytest

from shared.contracts.personal_data import deidentify, mask

SPELLINGS = [
    ("write to jane.doe@\nexample.com", "write to [EMAIL]"),
    ("write to jane.doe\n@example.com", "write to [EMAIL]"),
    ("jane@example.\ncom", "[EMAIL]"),
    ("jane%40example%2Ecom", "[EMAIL]"),
    ("jane%2Edoe%40example.com", "[EMAIL]"),
    ("jane.doe%40example.com", "[EMAIL]"),
    ("mailto:jane%2Bx%40example%2Eco%2Euk", "mailto:[EMAIL]"),
    ("jane (at) example (dot) com", "[EMAIL]"),
    ("jane(at)example(dot)com", "[EMAIL]"),
    ("jane [at] example [dot] com", "[EMAIL]"),
    ("jane {at} example {dot} com", "[EMAIL]"),
    ("jane AT example DOT com", "[EMAIL]"),
    ("jane at example dot com", "[EMAIL]"),
    ("jane <at> example <dot> com", "[EMAIL]"),
    ("jane dot doe (at) example (dot) co (dot) uk", "[EMAIL]"),
    ("jane (@) example.com", "[EMAIL]"),
    ("jane[@]example[.]com", "[EMAIL]"),
    ("jane (at) example.com", "[EMAIL]"),
    ("jane&#64;example&#46;com", "[EMAIL]"),
    ("jane at gmail dot com", "[EMAIL]"),
    ("jane@example(.)com", "[EMAIL]"),
    ("jane%2540example.com", "[EMAIL]"),
    ("jane\uff20example\uff0ecom", "[EMAIL]"),
    ("DE89.3704.0044.0532.0130.00", "[IBAN]"),
    ("DE89 3704 0044 0532 0130 00", "[IBAN]"),
    ("DE89-3704-0044-0532-0130-00", "[IBAN]"),
    ("de89370400440532013000", "[IBAN]"),
    ("DE89 3704 0044\n0532 0130 00", "[IBAN]"),
    ("IBAN:DE89370400440532013000", "IBAN:[IBAN]"),
    ("DE89 37040044 0532013000", "[IBAN]"),
    ("DE89/3704/0044/0532/0130/00", "[IBAN]"),
    ("GB82.WEST.1234.5698.7654.32", "[IBAN]"),
    ("4111 1111\n1111 1111", "[CARD]"),
    ("4111-1111-1111-\n1111", "[CARD]"),
    ("4111\n1111\n1111\n1111", "[CARD]"),
    ("4111 1111 1111\r\n1111", "[CARD]"),
    ("4111.1111.1111.1111", "[CARD]"),
    ("4111/1111/1111/1111", "[CARD]"),
    ("4111_1111_1111_1111", "[CARD]"),
    ("4111  1111  1111  1111", "[CARD]"),
    ("4111 - 1111 - 1111 - 1111", "[CARD]"),
    ("3782 822463 10005", "[CARD]"),
    ("3782\n822463\n10005", "[CARD]"),
    ("41111111 11111111", "[CARD]"),
    ("41111111\n11111111", "[CARD]"),
    ("4111\t1111\t1111\t1111", "[CARD]"),
    ("ssn 460899847", "ssn [SSN]"),
    ("SSN: 460899847", "SSN: [SSN]"),
    ("ssn is 460899847", "ssn is [SSN]"),
    ("social security number 460899847", "social security number [SSN]"),
    ("Social Security No. 460-89-9847", "Social Security No. [SSN]"),
    ("ssn 460.89.9847", "ssn [SSN]"),
    ("ssn 460 89 9847", "ssn [SSN]"),
    ("SSN#460899847", "SSN#[SSN]"),
    ("ssn=460899847", "ssn=[SSN]"),
    ("ssn: 460 - 89 - 9847", "ssn: [SSN]"),
    ("00:1A:2B:3C:4D:5E", "[MAC]"),
    ("00-1a-2b-3c-4d-5e", "[MAC]"),
    ("001A.2B3C.4D5E", "[MAC]"),
    ("mac=00:1a:2b:3c:4d:5e,", "mac=[MAC],"),
    ("MAC 001a2b3c4d5e", "MAC [MAC]"),
    ("AKIAIOSFODNN7EXAMPLE", "[SECRET]"),
    ("aws_access_key_id=AKIAIOSFODNN7EXAMPLE", "aws_access_key_id=[SECRET]"),
    ("ASIAIOSFODNN7EXAMPLE", "[SECRET]"),
    ('"AKIAIOSFODNN7EXAMPLE"', '"[SECRET]"'),
    ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = [SECRET]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P", "[SECRET]"),
    ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P.", "token [SECRET]"),
    ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0In0.", "[SECRET]"),
    ("Authorization: Bearer abcdef0123456789abcdef0123456789", "Authorization: Bearer [SECRET]"),
    ("authorization: bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "authorization: bearer [SECRET]"),
    ("Authorization: Basic amFuZTpzM2NyZXQxMjM=", "Authorization: Basic [SECRET]"),
    ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "[SECRET]"),
    ("sk_live_0123456789abcdefghijABCD", "[SECRET]"),
    ("xoxb-123456789012-123456789012-abcdefABCDEF0123456789ab", "[SECRET]"),
    ("AIzaSyA0123456789abcdefghijklmnopqrstuv", "[SECRET]"),
    (
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw\nggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----",
        "[SECRET]",
    ),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----", "[SECRET]"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----", "[SECRET]"),
    ("-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEIIGL\\n-----END EC PRIVATE KEY-----", "[SECRET]"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw", "[SECRET]"),
    ("+49 (0) 30 901820", "[PHONE]"),
    ("tel:+49-30-901820", "tel:[PHONE]"),
    ("0049 30 901820", "[PHONE]"),
    ("+1.212.555.0187", "[PHONE]"),
    ("::ffff:192.168.17.4", "[IP]"),
    ("[2001:db8:85a3::8a2e:370:7334]:443", "[[IP]]:443"),
    ("https://example.com/?next=jane%40example%2Ecom", "https://example.com/?next=[EMAIL]"),
    ("AKIAABCDEFGHIJKLMNOP", "[SECRET]"),
    ("12:34:56:78:90:ab", "[MAC]"),
    ("pay to DE89.3704.0044.0532.0130.00 now", "pay to [IBAN] now"),
    ("card:\n4111 1111\n1111 1111\nthanks", "card:\n[CARD]\nthanks"),
]


@pytest.mark.parametrize(("text", "masked"), SPELLINGS)
def test_a_hard_spelling_is_masked(text: str, masked: str) -> None:
    assert deidentify(text)[0] == masked
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----",
        "AKIA is the prefix",
        "the bearer of bad news",
        "bearer responsibilities-and-duties",
        "basic authentication is off",
        "eyJ stands at the start of each",
        "10-12-14-16-18-20",
        "1234.5678.9012",
        "10:12:14:16:18:20",
        "ssn 000123456 is never given out",
        "the secret key: turn it twice",
        "thanks\n@jane",
        "12345678\n23456789\n34567890\n",
        "4111 1111\n1111 1112",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert deidentify(text) == (text, [])


def test_a_private_key_longer_than_what_is_searched_again_is_masked_whole() -> None:
    key = "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7" + "0123456789ab" for _ in range(200))
    pem = f"-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----"
    around = "lorem ipsum dolor, " * 600
    text = f"{around}call 030 12345678 {pem} a@example.com {around}"
    assert deidentify(text)[0] == f"{around}call [PHONE] [SECRET] [EMAIL] {around}"
