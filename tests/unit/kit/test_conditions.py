"""A change is made only to the revision that was read."""

import pytest

from shared.kit.conditions import expected_revisions, known_tags, unless_known
from shared.kit.problems import Problem


@pytest.mark.parametrize(
    ("header", "revisions"),
    [
        (None, None),
        ("*", None),
        ('"3"', {3}),
        ('W/"3"', {3}),
        ('"3", "5"', {3, 5}),
    ],
)
async def test_the_header_names_revisions(header: str | None, revisions: set[int] | None) -> None:
    assert await expected_revisions(header) == revisions


@pytest.mark.parametrize("header", ["3", '"three"', "", '"1" "2"', '"12345678901"', '"-1"'])
async def test_what_was_never_given_out_is_a_bad_request(header: str) -> None:
    with pytest.raises(Problem) as refused:
        await expected_revisions(header)
    assert (refused.value.status, refused.value.type) == (400, "malformed-if-match")


async def test_what_the_caller_has_is_not_sent_again() -> None:
    first = unless_known(b"{}", "application/json", await known_tags(None))
    tag = first.headers["etag"]
    assert (first.status_code, first.body) == (200, b"{}")
    for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        assert unless_known(b"{}", "application/json", await known_tags(header)).status_code == 304
    for header in ('"other"', "", "rubbish"):
        assert unless_known(b"{}", "application/json", await known_tags(header)).status_code == 200
