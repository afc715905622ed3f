"""Numbers that a state gives to a person."""

import re
from collections.abc import Iterator

from shared.contracts.personal_data.finding import Finding, Kind

_SHAPE = re.compile(rb"000[- ]00[- ]0000")
_SSN = re.compile(r"(?<![\w\-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w\-])", re.ASCII)


class SsnRecogniser:
    """United States social security numbers as they are written, less those that are never given out."""

    def concerns(self, shape: bytes) -> bool:
        return _SHAPE.search(shape) is not None

    def find(self, text: str) -> Iterator[Finding]:
        for match in _SSN.finditer(text):
            yield Finding(match.start(), match.end(), Kind.SSN, 0.9, "ssn")
