"""The numbers that an operator sets, as operations take them."""

from dataclasses import dataclass
from typing import Any

_KEY = "limits"


@dataclass(frozen=True, slots=True)
class Limits:
    """`estimation_share`: of time; `…_annotations`: how many of the newest are read; `download_ttl_s` in seconds."""

    estimation_share: float
    estimation_annotations: int
    agreement_annotations: int
    download_ttl_s: int

    def keep_in(self, extras: dict[str, Any]) -> None:
        extras[_KEY] = self

    @staticmethod
    def of(extras: dict[str, Any]) -> "Limits":
        """The limits that were kept when the service started."""
        found = extras[_KEY]
        assert isinstance(found, Limits)
        return found
