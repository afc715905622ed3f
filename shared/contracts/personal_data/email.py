"""E-mail addresses, also as people write them to hide them from machines."""

import re
from collections.abc import Iterator

from shared.contracts.personal_data.recognisers import Finding, Kind

_MARKS = ".'+~-"
_LABEL = r"\w(?:[\w\-]{0,61}\w)?"
_LAST_LABEL = r"[^\W\d_][\w\-]{1,62}"
_AT_WORD = r"(?:at|@|ät|arroba|arobase)"
_DOT_WORD = r"(?:dot|\.|punkt|punto|ponto|point)"
_DOT = rf"(?:\.|\s?[\[({{<]\s?{_DOT_WORD}\s?[\])}}>]\s?| dot )"
_WELL_KNOWN = (
    r"(?:com|org|net|edu|gov|mil|info|biz|name|io|dev|app|eu|uk|ie|de|fr|es|nl|ch|se|dk|fi|pl|pt|cz|hu|ro|gr|ru|ua|us|ca|mx"
    r"|br|ar|cl|au|nz|za|jp|cn|kr|tw|hk|sg|my|ph|th|vn|id|pk|tr|il|ae)(?![\w\-])"
)
_PROVIDER = (
    r"(?:g(?:oogle)?mail|yahoo|ymail|hotmail|outlook|live|msn|icloud|aol|gmx|proton(?:mail)?|mail|yandex|qq|163)\."
    r"[a-z.]{2,8}(?![\w\-])"
)

# Each way to write the sign, with what must follow it. The weaker a way, the stricter its domain.
_PLAIN = re.compile(r"@|%(?:25)?40|&#0{0,4}64;|&#x0{0,4}40;|&commat;", re.IGNORECASE)
_SIGN_OF_DOT = r"(?:\.|%2E|&#0{0,4}46;|&#x0{0,4}2e;|&period;| ?[\[({<] ?(?:dot|\.) ?[\])}>] ?)"
_VERSION = r"v?\d+\.\d"
_DOMAIN = re.compile(
    rf"(?!{_VERSION})(?:{_LABEL}{_SIGN_OF_DOT}){{1,8}}{_LAST_LABEL}|\[[0-9a-f.:]{{7,45}}\]", re.IGNORECASE
)
_BROKEN_DOMAIN = re.compile(
    rf"(?:{_LABEL}\.){{0,4}}{_LABEL}\.[ \t]?\r?\n[ \t>]{{0,4}}(?:com|org|net|edu|gov)(?![\w\-])", re.IGNORECASE
)
_BREAK = r"[ \t]?\r?\n[ \t>]{0,4}"
_OVER_LINES = re.compile(rf"(?<=\w)(?:@{_BREAK}|{_BREAK}@)(?=\w)")
_BRACKETED = re.compile(rf"\s{{0,2}}[\[({{<]\s{{0,2}}{_AT_WORD}\s{{0,2}}[\])}}>]\s{{0,2}}", re.IGNORECASE)
_IN_BRACKETS = re.compile(rf"[\[({{<]\s{{0,2}}{_AT_WORD}\s{{0,2}}[\])}}>]", re.IGNORECASE)
_BRACKETED_DOMAIN = re.compile(rf"(?:{_LABEL}{_DOT}){{1,8}}{_LAST_LABEL}", re.IGNORECASE)
_SPELLED = re.compile(r"(?<=\w) at (?=\w)", re.IGNORECASE)
_SPELLED_DOMAIN = re.compile(rf"(?:{_LABEL} dot ){{1,4}}{_WELL_KNOWN}", re.IGNORECASE)
_BETWEEN_SIGNS = re.compile(r"(?<=\w) ?([*_|/~#\-])at\1 ?(?=\w)", re.IGNORECASE)
_DOMAIN_BETWEEN_SIGNS = re.compile(rf"(?:[^\W_]{{1,63}} ?[*_|/~#\-]dot[*_|/~#\-] ?){{1,4}}{_WELL_KNOWN}", re.IGNORECASE)
_DOT_APART = re.compile(r"(?<=\w) ?@ ?(?=\w)")
_DOMAIN_APART = re.compile(rf"(?:{_LABEL} \. ?){{1,4}}{_WELL_KNOWN}", re.IGNORECASE)
_HALF_APART = re.compile(r"(?<=\w)(?: @(?=\w)|@ )(?=\w)")
_WELL_KNOWN_DOMAIN = re.compile(rf"(?:{_LABEL}\.){{1,8}}{_WELL_KNOWN}", re.IGNORECASE)
_MEMBER = r"(?:name|id|info|app)(?!\w)"
_NO_MEMBER_DOMAIN = re.compile(rf"(?:{_LABEL}\.){{1,8}}(?!{_MEMBER}){_WELL_KNOWN}", re.IGNORECASE)
_APART = re.compile(r"(?<=\w) {1,2}@ {1,2}(?=\w)")
_PROVIDERS_DOMAIN = re.compile(_PROVIDER, re.IGNORECASE)

LONGEST_LOCAL = 128
_LOCAL_BACKWARDS = re.compile(rf"(?:[\w{re.escape(_MARKS)}]|%(?<=[BDEbde]2%))*\w[{re.escape(_MARKS)}]*")
_SPELLED_BACKWARDS = re.compile(r"(?:[\w\-]{1,64} tod ){0,3}[\w.+\-]*\w", re.IGNORECASE)


# Two characters of white space have six bytes at most; a letter of `ät` has two.
_BRACKETS_SHAPE = re.compile(rb"(?:[a\xa4\x84]t|arroba|arobase)[^0a-z]{0,6}[\])}>]")
_SIGNS_SHAPE = re.compile(rb"[*_|/~#\-]dot[*_|/~#\-]")


class EmailRecogniser:
    """RFC 5321 addresses with letters of any script; percent-encoded in a URL and as HTML entities, too.

    Spelled ones (`jane (at) example dot com`) and ones with spaces about the sign are distinguished from prose by brackets, by a
    well-known top-level domain, or by a provider of mailboxes.
    """

    def concerns(self, shape: bytes) -> bool:
        return (
            b"@" in shape
            or b"%00" in shape
            or b"&#" in shape
            or b"&commat;" in shape
            or b" dot " in shape
            or (b"dot" in shape and _SIGNS_SHAPE.search(shape) is not None)
            or (
                (b")" in shape or b"]" in shape or b"}" in shape or b">" in shape)
                and _BRACKETS_SHAPE.search(shape) is not None
            )
        )

    def find(self, text: str) -> Iterator[Finding]:
        if "@" in text or "%" in text or "&" in text:
            yield from _addresses(text, _PLAIN, _DOMAIN)
        if "@" in text and "\n" in text:
            yield from _addresses(text, _PLAIN, _BROKEN_DOMAIN)
            yield from _addresses(text, _OVER_LINES, _WELL_KNOWN_DOMAIN)
        if "@ " in text or " @" in text:
            yield from _addresses(text, _HALF_APART, _NO_MEMBER_DOMAIN)
            yield from _addresses(text, _APART, _PROVIDERS_DOMAIN)
        if "@" in text and " ." in text:
            yield from _addresses(text, _DOT_APART, _DOMAIN_APART)
        if _IN_BRACKETS.search(text) is not None:
            yield from _addresses(text, _BRACKETED, _BRACKETED_DOMAIN, _SPELLED_BACKWARDS)
        lowered = text.lower()
        if "dot" not in lowered:
            return
        yield from _addresses(text, _BETWEEN_SIGNS, _DOMAIN_BETWEEN_SIGNS)
        if " dot " in lowered:
            yield from _addresses(text, _SPELLED, _SPELLED_DOMAIN, _SPELLED_BACKWARDS)
            yield from _addresses(text, _PLAIN, _SPELLED_DOMAIN)


def _addresses(
    text: str, sign: re.Pattern[str], domain: re.Pattern[str], local: re.Pattern[str] = _LOCAL_BACKWARDS
) -> Iterator[Finding]:
    """Addresses about a sign; what stands before it is read backwards, so that each sign costs the same."""
    for at in sign.finditer(text):
        after = domain.match(text, at.end())
        if after is None:
            continue
        before = local.match(text[max(0, at.start() - LONGEST_LOCAL) : at.start()][::-1])
        if before is not None:
            start = at.start() - len(before.group().rstrip(_MARKS))
            yield Finding(start, after.end(), Kind.EMAIL, 0.99, "email")
