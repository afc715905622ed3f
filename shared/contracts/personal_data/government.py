"""Numbers that a state gives to a person."""

import re
from collections.abc import Iterator

from shared.contracts.personal_data.finding import Finding, Kind

_SHAPE = re.compile(rb"000[- ]00[- ]0000")
_NAMED_SHAPE = re.compile(rb"(?:ssn|social security)[^0\n]{0,64}000")
_SSN = re.compile(r"(?<![\w\-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w\-])", re.ASCII)


_NAMED_SSN = re.compile(
    r"(?:ssn|social security)(?<![a-z\[]ssn)(?: ?(?:number|no\.?|nr\.?|#))?[^\w\n]{0,4}(?:is )?[^\w\n]{0,4}"
    r"((?!000|666|9\d\d)\d{3}[ .\-]{0,3}(?!00)\d{2}[ .\-]{0,3}(?!0000)\d{4})(?![\w\-])",
    re.ASCII | re.IGNORECASE,
)


class SsnRecogniser:
    """United States social security numbers as they are written, less those that are never given out; in one piece where named."""

    def concerns(self, shape: bytes) -> bool:
        return _SHAPE.search(shape) is not None or _NAMED_SHAPE.search(shape) is not None

    def find(self, text: str) -> Iterator[Finding]:
        for match in _SSN.finditer(text):
            yield Finding(match.start(), match.end(), Kind.SSN, 0.9, "ssn")
        for match in _NAMED_SSN.finditer(text):
            yield Finding(match.start(1), match.end(1), Kind.SSN, 0.95, "ssn")
