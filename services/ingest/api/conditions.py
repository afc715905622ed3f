"""`ETag` and `If-Match`: a revision that a caller has seen (RFC 9110, sections 8.8.3 and 13.1.1)."""

import re
from typing import Annotated

from fastapi import Header

from shared.kit.problems import Problem

_TAG = re.compile(r'(?:W/)?"(\d{1,9})"')

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1000,
        description="The ETag that was read: the change is refused (412) if somebody else changed it since.",
    ),
]


def etag(revision: int) -> str:
    return f'"{revision}"'


def expected_revisions(if_match: str | None) -> frozenset[int] | None:
    """The revisions that the header names; None means any."""
    if if_match is None or if_match.strip() == "*":
        return None
    tags = [_TAG.fullmatch(part.strip()) for part in if_match.split(",")]
    if None in tags:
        raise Problem(400, "malformed-if-match", "If-Match holds ETags that were given out, or an asterisk.")
    return frozenset(int(tag[1]) for tag in tags if tag is not None)
