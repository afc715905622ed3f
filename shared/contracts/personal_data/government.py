"""Numbers that a state gives to a person."""

import re
from collections.abc import Iterator

from shared.contracts.personal_data.recognisers import Finding, Kind

_NAME = r"(?:ssn|s\.s\.n\.?|ss ?#|social[ \-]?security)"
_SHAPE = re.compile(rb"000(?:[-_ ]| [-_] ?|[-_] )00(?:[-_ ]| [-_] ?|[-_] )0000")
_NAMED_SHAPE = re.compile(_NAME.encode() + rb"[^0]{0,64}000")
_SSN = re.compile(
    r"(?<![\w\-])(?!000|666|9\d\d)\d{3}(?P<between>[-_ ]| [-_] ?|[-_] )(?!00)\d{2}(?P=between)(?!0000)\d{4}(?![\w\-])",
    re.ASCII,
)


_NAMED_SSN = re.compile(
    rf"{_NAME}(?<![a-z\[]ssn)(?: ?(?:number|no\.?|nr\.?|#))?(?:[^\w\n]|[_\n]){{0,4}}(?:(?:is|was|of) )?[^\w\n]{{0,4}}"
    r"((?!000|666|9\d\d)\d{3}[ .\-/]{0,3}(?!00)\d{2}[ .\-/]{0,3}(?!0000)\d{4})(?![\w\-])",
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
