"""What opens an account or a machine: keys of clouds and services, tokens, private keys."""

import re
from collections.abc import Iterator

from shared.contracts.personal_data.finding import Finding, Kind

_SHAPES = (b"akia", b"asia", b"secret", b"eyj", b"bearer", b"authorization", b"private key", b"xox", b"aiza")
_SHAPES_WITH_LINE = (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"sk_")
"""One of all these is in every text that has a secret."""

_KEY_NAME = r"(?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
# RFC 7468. A key that is cut off ends with its last line of 16 characters or more. A line's end may be written `\n`.
_PEM = re.compile(
    rf"-----BEGIN {_KEY_NAME}(?:(?:[^\-]|-(?!----))*+-----END {_KEY_NAME}|(?:(?:\s|\\[nr])*+[A-Za-z0-9+/=]{{16,}}+)*+)"
)
_TOKENS = (
    re.compile(r"A(?:KIA|SIA)(?<![A-Za-z0-9]....)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    re.compile(r"eyJ(?<![\w\-]...)[\w\-]{10,}+\.[\w\-]{2,}+(?:\.[\w\-]*+){1,3}", re.ASCII),  # RFC 7519, 7516
    re.compile(r"gh[pousr]_(?<!\w....)[A-Za-z0-9]{36,}+", re.ASCII),
    re.compile(r"github_pat_(?<!\w...........)\w{22,}+", re.ASCII),
    re.compile(r"sk_(?<!\w...)(?:live|test)_[A-Za-z0-9]{16,}+", re.ASCII),
    re.compile(r"xox[abprs]-(?<!\w.....)[\w\-]{10,}+", re.ASCII),
    re.compile(r"AIza(?<!\w....)[\w\-]{35}(?![\w\-])", re.ASCII),
)
_NAMED = (
    re.compile(r"bearer(?<!\w......)[ \t]{1,4}(?=[A-Za-z._~+/\-]*+[0-9])([A-Za-z0-9._~+/\-]{16,}+=*+)", re.IGNORECASE | re.ASCII),
    re.compile(r"authorization[\"']?[ \t]{0,4}:[ \t]{0,4}[\"']?basic[ \t]{1,4}([A-Za-z0-9+/]{8,}+=*+)", re.IGNORECASE | re.ASCII),
    re.compile(r"secret_?(?:access_?)?key[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])", re.IGNORECASE | re.ASCII),
)  # fmt: skip
"""The secret is the group: what stands before it tells what it is."""


class SecretRecogniser:
    """Access keys of AWS, tokens of GitHub, Stripe, Slack and Google, JSON Web Tokens, headers that authorise, and private
    keys in PEM.
    """

    def concerns(self, shape: bytes) -> bool:
        return any(mark in shape for mark in _SHAPES) or (
            b"_" in shape and any(mark in shape for mark in _SHAPES_WITH_LINE)
        )

    def find(self, text: str) -> Iterator[Finding]:
        if "-----BEGIN " in text:
            for match in _PEM.finditer(text):
                yield Finding(match.start(), match.end(), Kind.SECRET, 1.0, "secret")
        for pattern in _TOKENS:
            for match in pattern.finditer(text):
                yield Finding(match.start(), match.end(), Kind.SECRET, 1.0, "secret")
        for pattern in _NAMED:
            for match in pattern.finditer(text):
                yield Finding(match.start(1), match.end(1), Kind.SECRET, 0.95, "secret")
