"""What the edge of every service does, shown on the smallest one."""

import asyncio
import dataclasses
import gzip
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from shared.kit.bodies import BodyLimit, apply_body_limit, lift_body_limit
from shared.kit.budgets import ByteBudget
from shared.kit.clock import utc_now
from tests.support.service import ServiceUnderTest, service_under_test

PROBLEM = "application/problem+json"
JSON = {"content-type": "application/json"}


def things(project_id: object = None) -> str:
    return f"/v1/projects/{project_id or uuid4()}/things"


def is_problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    document: dict[str, Any] = answer.json()
    assert document["type"] == kind
    assert document["status"] == status
    assert document["title"]
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


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


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "rubbish", None])
async def test_a_body_of_another_media_type_is_refused(tiny: ServiceUnderTest, kind: str | None) -> None:
    headers = tiny.token("manager") | ({"content-type": kind} if kind else {})
    answer = await tiny.client.post(things(), content=b'{"name": "x"}', headers=headers)
    document = is_problem(answer, 415, "media-type-not-accepted")
    assert document["detail"] == "The body is application/json."
    assert answer.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"]
)
async def test_json_may_be_called_by_all_its_names(tiny: ServiceUnderTest, kind: str) -> None:
    headers = tiny.token("manager") | {"content-type": kind}
    answer = await tiny.client.post(things(), content=b'{"name": "x"}', headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize("path", ["/v1/projects/{}/things", "/v1/lines"])
@pytest.mark.parametrize("coding", ["gzip", "Br", "identity, deflate"])
async def test_a_body_in_a_content_coding_is_refused(tiny: ServiceUnderTest, path: str, coding: str) -> None:
    headers = tiny.token("manager") | JSON | {"content-encoding": coding}
    answer = await tiny.client.post(path.format(uuid4()), content=gzip.compress(b'{"name": "x"}'), headers=headers)
    document = is_problem(answer, 415, "content-coding-not-accepted")
    assert document["detail"] == "The body comes as it is, without Content-Encoding."
    assert answer.headers["accept-encoding"] == "identity"


async def test_a_body_may_be_declared_as_not_encoded(tiny: ServiceUnderTest) -> None:
    headers = tiny.token("manager") | {"content-encoding": "identity"}
    assert (await tiny.client.post(things(), json={"name": "plain"}, headers=headers)).status_code == 201


@pytest.mark.parametrize("number", [True, "3", 1.0, "x", None])
async def test_a_number_is_a_number_as_documented(tiny: ServiceUnderTest, number: object) -> None:
    answer = await tiny.client.post(things(), json={"name": "n", "number": number}, headers=tiny.token("manager"))
    (error,) = is_problem(answer, 422, "invalid-request")["errors"]
    assert (error["pointer"], error["rule"]) == ("/number", "int_type")


async def test_what_json_has_no_kind_for_is_still_read_from_text(tiny: ServiceUnderTest) -> None:
    body = {"name": "n", "number": 3, "colour": "blue", "since": "2026-11-21T10:00:00Z", "parent": str(uuid4())}
    answer = await tiny.client.post(things(), json=body, headers=tiny.token("manager"))
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("path", ["/v1/projects/{}/things", "/v1/lines"])
async def test_a_body_that_stalls_is_answered(path: str) -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield b'{"name": '
        await asyncio.sleep(30)
        yield b'"x"}'

    async with service_under_test("tests.service.kit.tiny", body_timeout_s=0.2) as tiny:
        async with asyncio.timeout(5):
            answer = await tiny.client.post(
                path.format(uuid4()), content=stalling(), headers=tiny.token("manager") | JSON
            )
        document = is_problem(answer, 408, "body-stalled")
        assert document["detail"] == "Nothing of it came for 0.2 s."
        assert answer.headers["connection"] == "close"


async def test_a_body_that_keeps_coming_may_take_long() -> None:
    async def slow() -> AsyncIterator[bytes]:
        for _ in range(10):
            await asyncio.sleep(0.1)
            yield b"line\n"

    async with service_under_test("tests.service.kit.tiny", body_timeout_s=0.5) as tiny:
        answer = await tiny.client.post("/v1/lines", content=slow(), headers=tiny.token("manager"))
        assert answer.json() == {"lines": 10}


async def test_large_bodies_wait_for_room_and_are_refused_for_a_while_when_there_is_none() -> None:
    """The small ones, and `/live`, need none."""
    half = asyncio.Event()
    text = b"x" * 700_000

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"text": "' + text
        half.set()
        await asyncio.sleep(30)

    async with service_under_test("tests.service.kit.tiny", bodies_in_hand_mb=1, in_hand_wait_s=0.2) as tiny:
        headers = tiny.token("manager") | JSON
        length = {"content-length": str(len(text) + 12)}
        holding = asyncio.create_task(tiny.client.put("/v1/echo-large", content=slowly(), headers=headers | length))
        await half.wait()
        whole = b'{"text": "' + text + b'"}'
        refused = await tiny.client.put("/v1/echo-large", content=whole, headers=headers)
        is_problem(refused, 503, "too-much-in-hand")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await tiny.client.put("/v1/echo", json={"small": 1}, headers=headers)).status_code == 200
        assert (await tiny.client.get("/live")).status_code == 200
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
        assert tiny.runtime.bodies.taken == 0
        assert (await tiny.client.put("/v1/echo-large", content=whole, headers=headers)).status_code == 200


async def test_what_a_large_body_breaks_is_said_as_of_a_small_one(tiny: ServiceUnderTest) -> None:
    body = {"name": "x", "number": "no number", "content": {"text": "x" * 100_000}}
    answer = await tiny.client.post(f"/v1/projects/{uuid4()}/large-things", json=body, headers=tiny.token("manager"))
    assert is_problem(answer, 422, "invalid-request")["pointer"] == "/number"


async def test_a_form_is_refused_as_json(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.post("/v1/upload", json={"note": "x"}, headers=tiny.token("manager"))
    is_problem(answer, 415, "media-type-not-accepted")


async def test_a_body_that_is_missing_is_missing_whatever_it_is_called(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.post(things(), headers=tiny.token("manager") | {"content-type": "text/plain"})
    is_problem(answer, 422, "invalid-request")


async def test_the_token_is_looked_at_before_the_media_type(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.post(things(), content=b"x", headers={"content-type": "text/plain"})
    is_problem(answer, 401, "unauthenticated")


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


async def test_an_invalid_body_gets_place_and_rule_but_never_the_value(tiny: ServiceUnderTest) -> None:
    body = {"name": "", "number": "jane@example.com", "colour": "secret-colour", "tag": 1}
    answer = await tiny.client.post(things(), json=body, headers=tiny.token("manager"))
    document = is_problem(answer, 422, "invalid-request")
    assert {(error["pointer"], error["rule"]) for error in document["errors"]} == {
        ("/name", "string_too_short"),
        ("/number", "int_type"),
        ("/colour", "enum"),
        ("/tag", "extra_forbidden"),
    }
    assert "jane" not in answer.text
    assert "secret" not in answer.text


async def test_an_invalid_parameter_is_named(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.get("/v1/things/not-a-uuid", headers=tiny.token("manager"))
    document = is_problem(answer, 422, "invalid-request")
    assert document["errors"][0]["parameter"] == "path thing_id"
    assert "not-a-uuid" not in answer.text


@pytest.mark.parametrize(
    "raw",
    [
        b'{"name": ',
        b'{"name": "\xff"}',
        b'{"name": "x", "number": NaN}',
        b'{"name": "x", "content": {"a": 1e400}}',
        b"\x00",
    ],
)
async def test_a_body_that_is_not_json_is_refused(tiny: ServiceUnderTest, raw: bytes) -> None:
    answer = await tiny.client.post(things(), content=raw, headers=tiny.token("manager") | JSON)
    assert is_problem(answer, 400, "malformed-json")["detail"], "it says what is wrong"


async def test_a_body_that_is_nested_too_deep_to_be_parsed_is_refused_as_that(tiny: ServiceUnderTest) -> None:
    raw = b"[" * 5000 + b"]" * 5000
    answer = await tiny.client.post(things(), content=raw, headers=tiny.token("manager") | JSON)
    is_problem(answer, 422, "nested-too-deep")


@pytest.mark.parametrize("text", [b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\u0041"'])
async def test_half_of_a_surrogate_pair_is_refused_by_name(tiny: ServiceUnderTest, text: bytes) -> None:
    answer = await tiny.client.post(things(), content=b'{"name": ' + text + b"}", headers=tiny.token("manager") | JSON)
    is_problem(answer, 422, "lone-surrogate")


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b'{"a": {"b": ["x", "y\\u0000z"]}}', "/a/b/1"),
        (b'{"a/b": {"k\\u0000": 1}}', "/a~1b"),
    ],
)
async def test_nul_in_a_body_is_refused_with_its_place(tiny: ServiceUnderTest, raw: bytes, pointer: str) -> None:
    answer = await tiny.client.put("/v1/echo", content=raw, headers=tiny.token("manager") | JSON)
    assert is_problem(answer, 422, "nul-character")["pointer"] == pointer


async def test_an_escaped_backslash_before_u0000_is_text(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.put("/v1/echo", content=rb'{"a": "\\u0000"}', headers=tiny.token("manager") | JSON)
    assert answer.json() == {"a": "\\u0000"}


async def test_json_nested_too_deep_is_refused(tiny: ServiceUnderTest) -> None:
    raw = b'{"a":' + b"[" * 100 + b"]" * 100 + b"}"
    answer = await tiny.client.put("/v1/echo", content=raw, headers=tiny.token("manager") | JSON)
    is_problem(answer, 422, "nested-too-deep")


async def test_broad_json_is_not_deep_json(tiny: ServiceUnderTest) -> None:
    body = {"a": [[1]] * 500}
    answer = await tiny.client.put("/v1/echo", json=body, headers=tiny.token("manager"))
    assert answer.json() == body


async def test_any_other_json_goes_to_the_database_and_back(tiny: ServiceUnderTest) -> None:
    body = {"text": "🜍 ñ \u2028 \x7f \ufffe", "n": [0, -1, 2**62, 1.5], "deep": {"null": None, "yes": True}}
    answer = await tiny.client.put("/v1/echo", json=body, headers=tiny.token("manager"))
    assert answer.json() == body


@pytest.mark.parametrize(
    ("number", "kind"), [(2**63, "not-storable"), (-(2**63) - 1, "number-too-large"), (10**30, "number-too-large")]
)
async def test_a_number_that_fits_no_column_is_refused(tiny: ServiceUnderTest, number: int, kind: str) -> None:
    answer = await tiny.client.post(things(), json={"name": "n", "number": number}, headers=tiny.token("manager"))
    assert answer.status_code == 422
    assert answer.json()["type"] == kind


@pytest.mark.parametrize("path", ["/v1/search?q=a%00b", "/v1/things/%00", "/v1/search?%00=1"])
async def test_nul_in_path_and_query_is_refused(tiny: ServiceUnderTest, path: str) -> None:
    is_problem(await tiny.client.get(path, headers=tiny.token("manager")), 400, "nul-character")


async def test_text_that_is_not_utf_8_in_a_query_is_only_text(tiny: ServiceUnderTest) -> None:
    answer = await tiny.client.get("/v1/search?q=%ff%fe%ed%a0%80", headers=tiny.token("manager"))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "part",
    [
        b'name="note"\r\n\r\na\0b',
        b'name="file"; filename="a\0b.png"\r\nContent-Type: image/png\r\n\r\nbytes',
    ],
)
async def test_nul_in_a_form_is_refused(tiny: ServiceUnderTest, part: bytes) -> None:
    """Written by hand: clients escape NUL in file names."""
    whole = {
        b"note": b'name="note"\r\n\r\nx',
        b"file": b'name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\nbytes',
    }
    whole[part[6:10]] = part
    body = b"".join(b"--edge\r\nContent-Disposition: form-data; %s\r\n" % each for each in whole.values())
    answer = await tiny.client.post(
        "/v1/upload",
        content=body + b"--edge--\r\n",
        headers=tiny.token("manager") | {"content-type": "multipart/form-data; boundary=edge"},
    )
    is_problem(answer, answer.status_code, "nul-character")
    assert answer.status_code in {400, 422}


async def test_a_body_declared_as_too_large_is_not_even_read(tiny: ServiceUnderTest) -> None:
    async def never() -> AsyncIterator[bytes]:
        for nothing in list[bytes]():
            yield nothing
        raise AssertionError("it was read")

    answer = await tiny.client.post(
        things(), content=never(), headers=tiny.token("manager") | JSON | {"content-length": str(10**9)}
    )
    is_problem(answer, 413, "body-too-large")


async def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(tiny: ServiceUnderTest) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 1_000_000

    answer = await tiny.client.post(things(), content=endless(), headers=tiny.token("manager") | JSON)
    is_problem(answer, 413, "body-too-large")
    assert sent <= 18


async def test_an_endpoint_may_have_a_limit_of_its_own(tiny: ServiceUnderTest) -> None:
    async def upload(size: int) -> httpx.Response:
        files = {"file": ("a.png", b"x" * size, "image/png")}
        return await tiny.client.post("/v1/upload", files=files, data={"note": "x"}, headers=tiny.token("manager"))

    assert (await upload(70_000)).status_code == 200
    is_problem(await upload(300_000), 413, "body-too-large")


async def test_an_endpoint_that_declares_no_large_body_can_not_lift_its_limit() -> None:
    request = Request({"type": "http", "headers": []})
    budget = ByteBudget("test", 1_000_000, 1.0)
    BodyLimit(request.scope, request.receive, 1_000_000, 1.0, budget, budget)
    apply_body_limit(request, 1_000)
    with pytest.raises(RuntimeError):
        lift_body_limit(request)


async def test_a_handler_that_reads_piece_by_piece_may_lift_the_limit(tiny: ServiceUnderTest) -> None:
    async def lines() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 999_999 + b"\n"

    answer = await tiny.client.post("/v1/lines", content=lines(), headers=tiny.token("manager"))
    assert answer.json() == {"lines": 20}


async def test_who_has_no_token_is_refused_before_the_body_is_read(tiny: ServiceUnderTest) -> None:
    async def never() -> AsyncIterator[bytes]:
        for nothing in list[bytes]():
            yield nothing
        raise AssertionError("it was read")

    is_problem(await tiny.client.post(things(), content=never(), headers=JSON), 401, "unauthenticated")


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


async def test_pages_follow_each_other_without_gap_or_overlap(tiny: ServiceUnderTest) -> None:
    path = things()
    for number in range(7):
        await tiny.client.post(path, json={"name": f"t{number}"}, headers=tiny.token("manager"))
    names, after = [], None
    for _ in range(3):
        parameters = {"limit": "3"} | ({"after": after} if after else {})
        page = (await tiny.client.get(path, params=parameters, headers=tiny.token("manager"))).json()
        names += [item["name"] for item in page["items"]]
        after = page.get("next")
    assert names == [f"t{number}" for number in range(7)]
    assert "next" not in page


@pytest.mark.parametrize("after", ["rubbish", "WzFd", "W10", "bnVsbA", "WyJhXHUwMDAwYiJd", "é", "A" * 2049])
async def test_a_cursor_that_was_never_given_out_is_refused(tiny: ServiceUnderTest, after: str) -> None:
    answer = await tiny.client.get(things(), params={"after": after}, headers=tiny.token("manager"))
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == PROBLEM


async def test_a_cursor_of_another_list_is_refused(tiny: ServiceUnderTest) -> None:
    path = things()
    for name in ("a", "b"):
        await tiny.client.post(path, json={"name": name}, headers=tiny.token("manager"))
    cursor = (await tiny.client.get(path, params={"limit": 1}, headers=tiny.token("manager"))).json()["next"]
    good = await tiny.client.get(path, params={"after": cursor}, headers=tiny.token("manager"))
    assert [each["name"] for each in good.json()["items"]] == ["b"]
    other = await tiny.client.get(f"{path}-by-name", params={"after": cursor}, headers=tiny.token("manager"))
    is_problem(other, 400, "malformed-cursor")


async def test_a_cursor_of_another_service_is_refused(tiny: ServiceUnderTest) -> None:
    path = things()
    for name in ("a", "b"):
        await tiny.client.post(path, json={"name": name}, headers=tiny.token("manager"))
    cursor = (await tiny.client.get(path, params={"limit": 1}, headers=tiny.token("manager"))).json()["next"]
    tiny.app.state.runtime.spec = dataclasses.replace(tiny.runtime.spec, name="other")
    try:
        answer = await tiny.client.get(path, params={"after": cursor}, headers=tiny.token("manager"))
        is_problem(answer, 400, "malformed-cursor")
    finally:
        tiny.app.state.runtime.spec = dataclasses.replace(tiny.runtime.spec, name="tiny")


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
