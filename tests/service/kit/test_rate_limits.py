"""An address and a token's subject may make so many requests; who makes more waits."""

import httpx
import pytest

from shared.kit.problems import Problem
from shared.kit.rate_limits import BURST_S, ClientAddresses, RateLimit, rate_headers
from tests.support.service import service_under_test

TINY = "tests.service.kit.tiny"


def test_a_bucket_fills_up_with_time() -> None:
    now = [100.0]
    limit = RateLimit("address", 2, lambda: now[0])
    for _ in range(2 * BURST_S):
        limit.take({}, "a")
    with pytest.raises(Problem) as refused:
        limit.take({}, "a")
    assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
    limit.take({}, "b")
    now[0] += 0.5
    scope: dict[str, object] = {}
    limit.take(scope, "a")
    assert rate_headers(scope) == [(b"ratelimit-policy", b'"address";q=20;w=10'), (b"ratelimit", b'"address";r=0;t=0')]


@pytest.mark.parametrize(
    ("client", "forwarded", "found"),
    [
        ("9.9.9.9", "1.1.1.1", "9.9.9.9"),  # anybody may write the header
        ("10.0.0.7", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.7", "6.6.6.6, 1.1.1.1, 10.0.0.3", "1.1.1.1"),
        ("10.0.0.7", "rubbish", "rubbish"),
        ("10.0.0.7", None, "10.0.0.7"),
        ("2001:db8:1:2:3::4", None, "2001:db8:1:2::/64"),  # whoever has one has 2^64 of them
        ("10.0.0.7", "2001:DB8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:9.9.9.9", None, "9.9.9.9"),
    ],
)
def test_a_forwarded_address_counts_if_a_trusted_proxy_gives_it(client: str, forwarded: str | None, found: str) -> None:
    assert ClientAddresses(["10.0.0.0/8"]).find({"client": (client, 1)}, forwarded) == found


def is_refused(answer: httpx.Response, name: str) -> None:
    assert (answer.status_code, answer.json()["type"]) == (429, "too-many-requests")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["ratelimit"].split(", ")[-1].startswith(f'"{name}";r=0')
    assert f'"{name}";q=' in answer.headers["ratelimit-policy"]


async def test_an_address_that_asks_too_often_waits() -> None:
    async with service_under_test(TINY, requests_per_s_of_address=0.1, trusted_proxies=["127.0.0.0/8"]) as tiny:
        there = {"X-Forwarded-For": "1.1.1.1"}
        assert (await tiny.client.get("/v1/search?q=a", headers=there)).status_code == 401
        is_refused(await tiny.client.get("/v1/search?q=a", headers=there), "address")
        assert (await tiny.client.get("/v1/search?q=a", headers={"X-Forwarded-For": "2.2.2.2"})).status_code == 401
        assert (await tiny.client.get("/live", headers=there)).status_code == 200


async def test_a_subject_that_asks_too_often_waits() -> None:
    async with service_under_test(TINY, requests_per_s_of_subject=0.1) as tiny:
        first = await tiny.client.get("/v1/search?q=a", headers=tiny.token("manager", subject="ann"))
        assert (first.status_code, first.headers["ratelimit"]) == (200, '"subject";r=0;t=0')
        is_refused(await tiny.client.get("/v1/search?q=a", headers=tiny.token("admin", subject="ann")), "subject")
        other = await tiny.client.get("/v1/search?q=a", headers=tiny.token("manager", subject="bob"))
        assert other.status_code == 200


async def test_nothing_is_limited_without_a_rate() -> None:
    async with service_under_test(TINY, requests_per_s_of_subject=0, requests_per_s_of_address=0) as tiny:
        assert "ratelimit" not in (await tiny.client.get("/v1/search?q=a", headers=tiny.token("manager"))).headers
