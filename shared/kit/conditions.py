"""`ETag`, `If-Match` and `If-None-Match` (RFC 9110, 8.8.3, 13.1).

A change counts only if nobody changed the thing since it was read, and what the caller has is not sent again.
"""

import hashlib
import re
from typing import Annotated, Final

from fastapi import Depends, Header
from starlette.responses import Response

from shared.kit.problems import Problem

_TAG: Final = re.compile(r'(?:W/)?"(\d{1,9})"')  # weak, too: a proxy that compresses makes them so
_MAX_LENGTH: Final = 1000


async def expected_revisions(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            max_length=_MAX_LENGTH,
            description="The ETag that was read: the change is refused (412) if somebody else changed it since.",
        ),
    ] = None,
) -> frozenset[int] | None:
    """The revisions that the header names; None means any.

    Raises:
        Problem: 400, it holds something that was never given out.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    tags = [_TAG.fullmatch(part.strip()) for part in if_match.split(",")]
    if None in tags:
        raise Problem(400, "malformed-if-match", "If-Match holds ETags that were given out, or an asterisk.")
    return frozenset(int(tag[1]) for tag in tags if tag is not None)


ExpectedRevisions = Annotated[frozenset[int] | None, Depends(expected_revisions)]
"""For an endpoint that changes something; its operation refuses a revision that is not among them."""


async def known_tags(
    if_none_match: Annotated[
        str | None,
        Header(
            alias="If-None-Match",
            max_length=_MAX_LENGTH,
            description="The ETag of what you have: the answer is 304, without a body, if it is still the same.",
        ),
    ] = None,
) -> frozenset[str]:
    """The tags that the header names, weak ones as if they were strong; `*` stands for any."""
    return frozenset(part.strip().removeprefix("W/") for part in (if_none_match or "").split(","))


KnownTags = Annotated[frozenset[str], Depends(known_tags)]
"""For an endpoint that answers with `unless_known`."""


def unless_known(content: bytes, media_type: str, known: frozenset[str]) -> Response:
    """The content with an ETag that is made of it, or 304 where the caller has it."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if not known.isdisjoint({tag, "*"}):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def set_etag(response: Response, revision: int) -> None:
    response.headers["ETag"] = f'"{revision}"'
