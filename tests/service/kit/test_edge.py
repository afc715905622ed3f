"""What the edge of every service does, shown on the smallest one."""

import gzip
import json
import re
from datetime import timedelta
from email.utils import parsedate_to_datetime
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from shared.kit.clock import utc_now
from tests.service.kit.edge_answers import is_problem, things
from tests.support.service import ServiceUnderTest, service_under_test


async def test_a_good_request_is_answered_and_its_event_published(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.post(things(), json={"name": "anvil"}, headers=tiny.token("manager"))
    assert answer.status_code == 201
    published = await tiny.published()
    assert str(published[-1].record_id) == answer.json()["id"]


async def test_a_commit_that_fails_gives_an_error_and_no_event(tiny: ServiceUnderTest) -> None:
    """The unique constraint is deferred: the insert succeeds, the commit doesn't."""
    path = things()
    first = await tiny.client.post(path, json={"name": "twin"}, headers=tiny.token("manager"))
    assert first.status_code == 201
    published = len(await tiny.published())
    second = await tiny.client.post(path, json={"name": "twin"}, headers=tiny.token("manager"))
    document = is_problem(second, 409, "unique-violation-error")
    assert document["detail"] == "one_name"
    assert "twin" not in second.text
    assert len(await tiny.published()) == published


async def test_an_unknown_path_is_a_problem(tiny: ServiceUnderTest) -> None:
    is_problem(await tiny.client.get("/v1/nowhere"), 404, "no-such-path")


async def test_a_wrong_method_gets_every_right_one(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.delete(things())
    is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("path", ["/live", "/nowhere"])
async def test_every_answer_is_dated(tiny: ServiceUnderTest, path: str) -> None:
    before = utc_now() - timedelta(seconds=1)
    answer = await tiny.client.get(path)
    assert before <= parsedate_to_datetime(answer.headers["date"]) <= utc_now()
    assert len(answer.headers.get_list("date")) == 1


async def test_head_answers_as_get_would_without_the_body(tiny: ServiceUnderTest) -> None:
    got = await tiny.client.get(things(), headers=tiny.token("manager"))
    answer = await tiny.client.head(things(), headers=tiny.token("manager"))
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["content-length"] == got.headers["content-length"]
    assert answer.headers["content-type"] == "application/json"
    refused = await tiny.client.head(things())
    assert (refused.status_code, refused.content) == (401, b"")


async def test_head_is_refused_where_nothing_can_be_got(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.head("/v1/echo")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "PUT"


async def test_head_does_not_wait_for_a_stream_to_end(tiny: ServiceUnderTest) -> None:
    """The stream breaks after its first piece, which nobody asks for."""
    with capture_logs() as logs:
        answer = await tiny.client.head("/v1/slow-stream", headers=tiny.token("manager"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert not [entry for entry in logs if entry["event"] == "answer_broken_off"]


async def test_a_domain_exception_becomes_the_problem_of_the_table(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.get("/v1/fail/broken", headers=tiny.token("manager"))
    document = is_problem(answer, 409, "broken")
    assert document["title"] == "The thing is broken."
    assert document["detail"] == "the spring is gone"


async def test_a_fault_of_ours_reveals_nothing_of_itself(tiny: ServiceUnderTest) -> None:
    with capture_logs() as logs:
        answer = await tiny.client.get("/v1/fail/fault", headers=tiny.token("manager"))
    is_problem(answer, 500, "internal-error")
    assert "secret" not in answer.text
    assert any(entry["event"] == "request_failed" for entry in logs)


@pytest.mark.parametrize(
    ("how", "status", "kind"),
    [
        ("statement-timeout", 503, "database-busy"),
        ("lock", 503, "database-busy"),
        ("deadlock", 503, "lost-a-race"),
        ("lost", 503, "database-away"),
        ("surrogate", 422, "not-storable"),
        ("nul", 422, "not-storable"),
        ("huge", 422, "not-storable"),
    ],
)
async def test_a_database_error_shows_whether_to_retry(
    tiny: ServiceUnderTest, how: str, status: int, kind: str
) -> None:
    with capture_logs() as logs:
        answer = await tiny.client.get(f"/v1/fail/{how}", headers=tiny.token("manager"))
    is_problem(answer, status, kind)
    assert ("retry-after" in answer.headers) == (status == 503)
    assert not any(entry["log_level"] == "error" for entry in logs), "nothing of ours is broken"
    good = await tiny.client.get(things(), headers=tiny.token("manager"))
    assert good.status_code == 200, "the pool is sound afterwards"


async def test_an_id_not_known_here_may_come_later(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.get(f"/v1/things/{uuid4()}", headers=tiny.token("manager"))
    is_problem(answer, 404, "not-known-here")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("query", ["filter=x", "limit=1&external_id=x", "Limit=1", "%6Cimits=1", "x"])
async def test_a_query_parameter_that_is_none_is_refused(tiny: ServiceUnderTest, query: str) -> None:
    answer = await tiny.client.get(f"{things()}?{query}", headers=tiny.token("manager"))
    document = is_problem(answer, 422, "invalid-request")
    assert [(error["parameter"], error["rule"]) for error in document["errors"]] == [("query", "unknown-parameter")]
    assert "limit" in document["detail"], "it names which there are"
    assert (await tiny.client.get(f"{things()}?limit=1", headers=tiny.token("manager"))).status_code == 200


async def test_an_invalid_parameter_is_named(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.get("/v1/things/not-a-uuid", headers=tiny.token("manager"))
    document = is_problem(answer, 422, "invalid-request")
    assert document["errors"][0]["parameter"] == "path thing_id"
    assert "not-a-uuid" not in answer.text


@pytest.mark.parametrize("path", ["/v1/search?q=a%00b", "/v1/things/%00", "/v1/search?%00=1"])
async def test_nul_in_path_and_query_is_refused(tiny: ServiceUnderTest, path: str) -> None:
    is_problem(await tiny.client.get(path, headers=tiny.token("manager")), 400, "nul-character")


async def test_text_that_is_not_utf_8_in_a_query_is_only_text(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.get("/v1/search?q=%ff%fe%ed%a0%80", headers=tiny.token("manager"))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "given", [str(uuid4()), uuid4().hex, "00f067aa0ba902b7", "ab" * 32], ids=["uuid", "hex", "short", "long"]
)
async def test_a_request_id_is_kept_if_it_is_one(tiny: ServiceUnderTest, given: str) -> None:
    assert (await tiny.client.get("/live", headers={"x-request-id": given})).headers["x-request-id"] == given


@pytest.mark.parametrize(
    "given", ["4111111111111111", "4" * 32, "abc-123", "a b\tc", "ann@example.com", "ab" * 33, "ab" * 7, ""]
)
async def test_any_other_request_id_is_replaced(tiny: ServiceUnderTest, given: str) -> None:
    answer = await tiny.client.get("/live", headers={"x-request-id": given})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    assert answer.headers["x-request-id"] != given


async def test_the_access_log_has_route_and_ids_but_nothing_a_client_wrote() -> None:
    project_id = uuid4()
    async with service_under_test("tests.service.kit.tiny", log_level="info") as tiny:
        with capture_logs() as logs:
            await tiny.client.get(
                f"/v1/projects/{project_id}/things?after=jane@example.com", headers=tiny.token("manager")
            )
            await tiny.client.get("/v1/things/jane@example.com", headers=tiny.token("manager"))
            await tiny.client.get("/jane@example.com")
            await tiny.client.post(
                things(project_id), json={"number": "jane@example.com"}, headers=tiny.token("manager")
            )
    requests = [entry for entry in logs if entry["event"] == "request"]
    assert [entry["status"] for entry in requests] == [400, 422, 404, 422]
    assert requests[0]["route"] == "/v1/projects/{project_id}/things"
    assert requests[0]["project_id"] == str(project_id)
    assert "jane" not in str(logs)


async def test_long_answers_are_compressed_when_asked(tiny: ServiceUnderTest) -> None:
    async with tiny.client.stream("GET", "/openapi.json", headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(raw))["openapi"].startswith("3.1")


async def test_browsers_may_call_from_configured_origins_only() -> None:
    preflight = {"origin": "https://label.example", "access-control-request-method": "POST"}
    async with service_under_test("tests.service.kit.tiny", cors_origins=["https://label.example"]) as service:
        good = await service.client.options(things(), headers=preflight)
        assert good.headers["access-control-allow-origin"] == "https://label.example"
        failed = await service.client.get(
            "/v1/fail/fault", headers=service.token("manager") | {"origin": "https://label.example"}
        )
        assert failed.status_code == 500
        assert failed.headers["access-control-allow-origin"] == "https://label.example"
        bad = await service.client.options(things(), headers=preflight | {"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in bad.headers


async def test_the_documentation_needs_nothing_from_elsewhere(tiny: ServiceUnderTest) -> None:
    page = await tiny.client.get("/docs")
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 3
    for link in links:
        assert link.startswith("/docs/"), link
        answer = await tiny.client.get(link, headers={"accept-encoding": "gzip"})
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert len(answer.content) > 500
    assert "https://" not in page.text.replace("https://json-schema.org", "")
    is_problem(await tiny.client.get("/docs/secrets.txt"), 404, "no-such-path")


async def test_the_documentation_knows_where_the_gateway_mounts_it() -> None:
    async with service_under_test("tests.service.kit.tiny", root_path="/tiny") as service:
        page = await service.client.get("/docs")
    assert "url: '/tiny/openapi.json'" in page.text
    assert 'src="/tiny/docs/swagger-ui-bundle.js?v=' in page.text


async def test_a_trace_goes_from_the_request_into_the_event(tiny: ServiceUnderTest) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = tiny.token("manager") | {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    await tiny.client.post(things(), json={"name": "traced"}, headers=headers)
    published = (await tiny.published())[-1]
    assert published.traceparent is not None
    assert published.traceparent.split("-")[1] == trace
    await tiny.client.post(things(), json={"name": "untraced"}, headers=tiny.token("manager"))
    assert (await tiny.published())[-1].traceparent is not None
