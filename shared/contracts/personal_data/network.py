"""Where a person's machine is, and what opens it: IP addresses, credentials and secrets in URLs."""

import ipaddress
import re
from collections.abc import Iterator

from shared.contracts.personal_data.recognisers import Finding, Kind

# Begins with a digit before what looks behind it: so the search goes from digit to digit, and not by every character.
_POINT = r"(?:\.|\[\.\]|\(\.\)|\{\.\}| \. )"
_IPV4 = re.compile(rf"[0-9](?<![\w.][0-9])[0-9]{{0,2}}(?:{_POINT}[0-9]{{1,3}}){{3}}(?!\w)(?!\.\d)", re.ASCII)
_IPV6 = re.compile(
    r"(?<![\w:.])(?:\w{0,12}[g-z_]\w{0,3}:)?([0-9a-f:]{2,39}(?:\.\d{1,3}){0,3}(?:%[\w]{1,16})?)(?![\w:])",
    re.ASCII | re.IGNORECASE,
)
# Three points with up to three digits between them; two colons with up to four.
_SHAPE = re.compile(rf"0(?:{_POINT}0{{1,3}}){{2}}{_POINT}0".encode())
_SHAPE_6 = re.compile(rb":[0a-f]{0,4}:")
SHORTEST_IPV6 = 5
"""Hexadecimal digits below which an address identifies nobody (`::1`), and code looks like one (`a::b`)."""

FEWEST_COLONS = 2

_NUMBER = re.compile(r"[0-9]+")
LONGEST_PART, LARGEST_PART = 3, 255
FEWEST_DIGITS_APART = 8
"""Of an address with spaces about its points: fewer are small numbers in a row."""


_VERSION_BEFORE = re.compile(
    r"(?:(?<![a-z])(?:versions?|vers?|v|releases?|revision|rev|builds?|firmware|driver|kernel|patch|sections?|chapter|clause"
    r"|paragraph|article|figure|fig|table|step|(?:up|down)graded? to|updated? to"
    r"|versions? \d{1,5}(?:\.\d{1,5}){1,3},? (?:and|or|to))"
    r"[ \t:=.\-\"']{0,3}v?|(?:[<>~]=|~>|\^|§) ?)\Z",
    re.IGNORECASE,
)
_FILE_AFTER = re.compile(r"\.(?:tar|t?gz|tgz|bz2|xz|zip|7z|deb|rpm|whl|jar|exe|msi|dmg|pkg|dll|so)\b")
LONGEST_VERSION_WORD = 48


def _is_version(text: str, start: int, end: int) -> bool:
    """Whether four numbers with points are named as a version or a section, or name a file."""
    if _FILE_AFTER.match(text, end):
        return True
    return _VERSION_BEFORE.search(text[max(0, start - LONGEST_VERSION_WORD) : start]) is not None


def _is_address(address: str) -> bool:
    parts = _NUMBER.findall(address)
    zeros = any(part[0] == "0" != part for part in parts)
    if " " in address and sum(map(len, parts)) < FEWEST_DIGITS_APART:
        return False
    if zeros and any(len(part) < LONGEST_PART for part in parts):  # filled up with zeros are all or none
        return False
    return all(int(part) <= LARGEST_PART for part in parts)


class IpRecogniser:
    """IPv4 and IPv6 addresses, the latter as `ipaddress` reads them."""

    def concerns(self, shape: bytes) -> bool:
        return _SHAPE.search(shape) is not None or _SHAPE_6.search(shape) is not None

    def find(self, text: str) -> Iterator[Finding]:
        for match in _IPV4.finditer(text):
            if _is_address(match.group()) and not _is_version(text, match.start(), match.end()):
                yield Finding(match.start(), match.end(), Kind.IP, 0.95, "ip")
        if text.count(":") > 1:
            yield from self._version_6(text)

    @staticmethod
    def _version_6(text: str) -> Iterator[Finding]:
        for match in _IPV6.finditer(text):
            address = match[1]
            end = match.end()
            if address.endswith(":") and not address.endswith("::"):
                address, end = address[:-1], end - 1
            digits = sum(character in "0123456789abcdefABCDEF" for character in address)
            if digits < SHORTEST_IPV6 or address.count(":") < FEWEST_COLONS:
                continue
            try:
                ipaddress.IPv6Address(address)
            except ValueError:
                continue
            yield Finding(match.start(1), end, Kind.IP, 0.95, "ip")


# Each begins with the one sign that it is searched by.
_MAC_SHAPES = (
    re.compile(rb":[0a-f]{2}:[0a-f]{2}:"),
    re.compile(rb"-[0a-f]{2}-[0a-f]{2}-"),
    re.compile(rb"\.[0a-f]{4}\."),
)
_MAC = re.compile(
    r"(?<![\w:.\-])(?:[0-9a-f]{2}([:\-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})(?![\w:\-])",
    re.IGNORECASE | re.ASCII,
)
_NAMED_MAC = re.compile(
    r"mac(?<!\w...)(?:[ _-]?addr(?:ess)?)?[ \t:=\"']{1,4}((?:[0-9a-f]{2}[:\-]?){5}[0-9a-f]{2})(?![\w:\-])",
    re.IGNORECASE | re.ASCII,
)


class MacRecogniser:
    """Hardware addresses (EUI-48) in pairs or as three groups of four; ones of digits only if they are named so."""

    def concerns(self, shape: bytes) -> bool:
        return b"mac" in shape or any(pattern.search(shape) is not None for pattern in _MAC_SHAPES)

    def find(self, text: str) -> Iterator[Finding]:
        for match in _MAC.finditer(text):
            if not match.group().translate(_WITHOUT_SIGNS).isdigit():
                yield Finding(match.start(), match.end(), Kind.MAC, 0.95, "mac")
        for match in _NAMED_MAC.finditer(text):
            yield Finding(match.start(1), match.end(1), Kind.MAC, 0.95, "mac")


_WITHOUT_SIGNS = str.maketrans("", "", ":-.")

_MASK = rf"(?:{'|'.join(re.escape(kind.mask) for kind in Kind)})"
_PARAMETER = re.compile(rb"[?&;#][0a-z_\-]+=")
_USERINFO = re.compile(rf"(?<!\w)[A-Za-z][A-Za-z0-9+.\-]{{1,30}}://(?!{_MASK}@)([^\s/?#<>\"']{{1,512}})@", re.ASCII)
_QUERY_SECRET = re.compile(
    rf"[?&;#](?:[\w\-]{{0,32}}[_\-])?(?:token|api[_\-]?key|key|secret|password|passwd|pwd|pass|signature|sig|auth|session|sessionid|sid"
    rf"|jwt|code)=(?!{_MASK}(?:[\s&;#<>\"']|\Z))([^\s&;#<>\"']{{1,4096}})",
    re.IGNORECASE | re.ASCII,
)


class UrlSecretRecogniser:
    """The user part of a URL's authority (RFC 3986, section 3.2.1), and query parameters that are named like secrets."""

    def concerns(self, shape: bytes) -> bool:
        return b"://" in shape or (b"=" in shape and _PARAMETER.search(shape) is not None)

    def find(self, text: str) -> Iterator[Finding]:
        if "://" in text:
            for match in _USERINFO.finditer(text):
                yield Finding(match.start(1), match.end(1), Kind.CREDENTIALS, 1.0, "url")
        if "=" in text:
            for match in _QUERY_SECRET.finditer(text):
                yield Finding(match.start(1), match.end(1), Kind.SECRET, 0.9, "url")
