"""How much is done at a time."""

from typing import Final

_QUICK_S: Final = 0.4
_SLOW_S: Final = 1.0
_FIRST_CHUNK: Final = 64


class Pace:
    """How many records are scored at a time: as many as take less than a second."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = min(_FIRST_CHUNK, most)

    def took(self, seconds: float) -> None:
        if seconds < _QUICK_S:
            self.size = min(self._most, self.size * 2)
        elif seconds > _SLOW_S:
            self.size = max(1, self.size // 2)
