"""Long numbers: looked for only in texts that hold one."""

import re
from collections.abc import Iterable, Sequence

from shared.contracts.personal_data.finding import Finding, Recogniser

_SEVEN_DIGITS = re.compile(r"\d(?:\W{0,3}\d){6}")
_FEWEST_DIGITS = 7


class NumberRecognisers:
    """Asks its recognisers only about texts with seven digits near each other; most texts have none."""

    def __init__(self, recognisers: Sequence[Recogniser]) -> None:
        self._recognisers = tuple(recognisers)

    def concerns(self, shape: bytes) -> bool:
        return shape.count(b"0") >= _FEWEST_DIGITS

    def find(self, text: str) -> Iterable[Finding]:
        if _SEVEN_DIGITS.search(text) is None:
            return ()
        return [finding for recogniser in self._recognisers for finding in recogniser.find(text)]
