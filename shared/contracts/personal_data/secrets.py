"""What opens an account or a machine: keys of clouds and services, tokens, private keys."""

import re
from collections.abc import Iterator

from shared.contracts.personal_data.recognisers import Finding, Kind

_KEY_NAME = r"(?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
# RFC 7468. A key that is cut off ends with its last line of 16 characters or more. A line's end may be written `\n`.
_PEM = re.compile(
    rf"-----BEGIN {_KEY_NAME}(?:(?:[^\-]|-(?!----))*+-----END {_KEY_NAME}|(?:(?:\s|\\[nr])*+[A-Za-z0-9+/=]{{16,}}+)*+)"
)
_PREFIXES = {
    **dict.fromkeys(("AKIA", "ASIA"), r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    "eyJ": r"[\w\-]{10,}+\.[\w\-]{2,}+(?:\.[\w\-]*+){1,3}",  # RFC 7519, 7516
    **dict.fromkeys(("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"[A-Za-z0-9]{36,}+"),
    "github_pat_": r"\w{22,}+",
    **dict.fromkeys(("sk_", "rk_"), r"(?:live|test)_[A-Za-z0-9]{16,}+"),
    "sk-": r"(?=[A-Za-z_\-]*+[0-9])(?:[a-z]{2,8}[0-9]{0,2}-){0,3}\w{16,}+[\w\-]*+",
    **dict.fromkeys(("xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-"), r"[\w\-]{10,}+"),
    "xapp-": r"[0-9]-[\w\-]{16,}+",
    **dict.fromkeys(("glpat-", "dckr_pat_", "ya29."), r"[\w\-]{20,}+"),
    "npm_": r"[A-Za-z0-9]{36}(?!\w)",
    "pypi-": r"[\w\-]{40,}+",
    "hf_": r"[A-Za-z0-9]{30,}+(?!\w)",
    "whsec_": r"[\w+/\-]{20,}+=*+",
    "shpat_": r"[0-9a-f]{32}(?!\w)",
    "SG.": r"[\w\-]{16,32}\.[\w\-]{32,}+",
    "AIza": r"[\w\-]{35}(?![\w\-])",
    "AGE-SECRET-KEY-1": r"[A-Z0-9]{40,}+",
}
_SEARCHED_TO_THE_END = {"eyJ", "sk-"}
_TOKENS = tuple(
    (prefix, re.compile(rf"{re.escape(prefix)}(?<!{before}{'.' * len(prefix)}){rest}", re.ASCII))
    for prefix, rest in _PREFIXES.items()
    for before in (r"[\w\-]" if prefix in _SEARCHED_TO_THE_END else r"[^\W_]",)
)
"""What tokens begin with, and their patterns. Nothing of a word stands before one; nor a sign where a pattern may read far in
vain, so that it does so once.
"""

_IS = r"[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?"
_WITH_DIGIT = r"(?=[A-Za-z._~+/\-]*+[0-9])([A-Za-z0-9._~+/\-]{16,}+=*+)"
_NAMED = tuple(
    (word, re.compile(pattern, re.IGNORECASE | re.ASCII))
    for word, pattern in (
        ("bearer", rf"bearer(?<!\w......)[ \t]{{1,4}}{_WITH_DIGIT}"),
        ("authorization", r"authorization[\"']?[ \t]{0,4}:[ \t]{0,4}[\"']?basic[ \t]{1,4}([A-Za-z0-9+/]{8,}+=*+)"),
        ("authorization", rf"authorization[\"']?[ \t]{{0,4}}:[ \t]{{0,4}}[\"']?token[ \t]{{1,4}}{_WITH_DIGIT}"),
        ("api", rf"api[_\-]?(?:key|token|secret){_IS}{_WITH_DIGIT}"),
        ("client", rf"client[_\-]?secret{_IS}{_WITH_DIGIT}"),
        ("access", rf"access[_\-]?token{_IS}{_WITH_DIGIT}"),
        ("session", rf"session(?:_?id{_IS}|[ \t]?=[ \t]?[\"']?){_WITH_DIGIT}"),
        ("accountkey", rf"accountkey{_IS}{_WITH_DIGIT}"),
        ("secret", rf"secret_?(?:access_?)?key{_IS}([A-Za-z0-9/+]{{40}})(?![A-Za-z0-9/+])"),
        *(
            (word, rf"{word}{_IS}(?![/~$%{{])(?=[^\s\d\"']{{0,63}}\d)(?=[^\sa-z\"']{{0,63}}[a-z])([^\s\"',;<>\[\]]{{6,64}}+)(?![^\s\"',;<>])")
            for word in ("password", "passwd", "pwd")
        ),
    )
)  # fmt: skip
"""Names in lower case and what follows them. The secret is the group: what stands before it tells what it is."""

_MARKS = {
    *(mark.lower().translate(str.maketrans("123456789", "0" * 9)).encode() for mark, _ in _TOKENS),
    *(word.encode() for word, _ in _NAMED),
    b"-----begin ",
}
_NAMED_MARKS = {word.encode() for word, _ in _NAMED} - {b"bearer"}
_SIGNS = (b"_", b"-", b".")
_BY_SIGN = {sign: tuple(mark for mark in _MARKS if sign in mark) for sign in _SIGNS}
_WITHOUT_SIGN = tuple(mark for mark in _MARKS - _NAMED_MARKS if not any(sign in mark for sign in _SIGNS))
"""Of all these, those that need no sign, of which a text mostly has none, are looked for in every text."""


class SecretRecogniser:
    """Access keys of AWS, tokens of code hosts, registries and services that have a prefix of their own, JSON Web Tokens,
    headers that authorise, passwords and keys that are named, and private keys in PEM.
    """

    def concerns(self, shape: bytes) -> bool:
        return (
            any(mark in shape for mark in _WITHOUT_SIGN)
            or any(sign in shape and any(mark in shape for mark in _BY_SIGN[sign]) for sign in _SIGNS)
            or ((b":" in shape or b"=" in shape) and any(word in shape for word in _NAMED_MARKS))
        )

    def find(self, text: str) -> Iterator[Finding]:
        if "-----BEGIN " in text:
            for match in _PEM.finditer(text):
                yield Finding(match.start(), match.end(), Kind.SECRET, 1.0, "secret")
        for mark, pattern in _TOKENS:
            if mark in text:
                for match in pattern.finditer(text):
                    yield Finding(match.start(), match.end(), Kind.SECRET, 1.0, "secret")
        lowered = text.lower()
        for word, pattern in _NAMED:
            if word in lowered:
                for match in pattern.finditer(text):
                    yield Finding(match.start(1), match.end(1), Kind.SECRET, 0.95, "secret")
