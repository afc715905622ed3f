"""The numbers that an operator sets, as operations take them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """`estimation_share`: of time; `estimation_annotations`: how many of the newest are read; `download_ttl_s` in seconds."""

    estimation_share: float
    estimation_annotations: int
    download_ttl_s: int
