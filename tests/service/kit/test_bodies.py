"""Which bodies the edge takes, how it reads them, and how much of them it has in hand."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from starlette.requests import Request

from shared.kit.bodies import BodyLimit, apply_body_limit, lift_body_limit
from shared.kit.budgets import ByteBudget
from tests.service.kit.edge_answers import JSON, is_problem, things
from tests.support.service import ServiceUnderTest, service_under_test


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
