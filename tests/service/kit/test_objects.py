"""Objects in every kind of store, and URLs that only we can make."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.kit.exceptions import ObjectMissing, UnsafeKey
from shared.kit.objects import Objects
from shared.kit.settings import Settings
from tests.support.service import ServiceUnderTest, service_under_test, settings_for


@pytest.fixture(params=["file", "memory"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    url = f"file://{tmp_path}/with space" if request.param == "file" else "memory://"
    return Objects(settings_for(Settings, "postgresql://nobody@localhost/nothing", objects_url=url))


async def test_what_is_put_can_be_got_until_it_is_deleted(objects: Objects) -> None:
    await objects.put("assets/a-1.png", b"bytes", "image/png")
    assert await objects.get("assets/a-1.png") == b"bytes"
    assert await objects.size("assets/a-1.png") == 5
    assert await objects.exists("assets/a-1.png")
    await objects.delete("assets/a-1.png")
    await objects.delete("assets/a-1.png")
    assert not await objects.exists("assets/a-1.png")
    with pytest.raises(ObjectMissing):
        await objects.get("assets/a-1.png")
    with pytest.raises(ObjectMissing):
        _ = [chunk async for chunk in objects.stream("assets/a-1.png")]


async def test_a_folder_is_deleted_with_all_that_is_in_it_and_nothing_else(objects: Objects) -> None:
    for key in ("releases/r/a", "releases/r/parts/b", "releases/r2/c", "releases/r.json"):
        await objects.put(key, b"bytes")
    await objects.delete_folder("releases/r")
    await objects.delete_folder("releases/nothing")
    left = [key for key in ("releases/r/a", "releases/r/parts/b") if await objects.exists(key)]
    assert left == []
    assert await objects.exists("releases/r2/c")
    assert await objects.exists("releases/r.json")


async def test_streams_go_in_and_out_in_pieces(objects: Objects) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for number in range(50):
            yield bytes([number]) * 100_000

    await objects.put_stream("releases/r", chunks())
    read = [chunk async for chunk in objects.stream("releases/r")]
    assert b"".join(read) == b"".join(bytes([number]) * 100_000 for number in range(50))
    assert b"".join([chunk async for chunk in objects.stream("releases/r", 99_999, 100_001)]) == b"\x00\x01"


async def test_a_stream_that_fails_stores_nothing(objects: Objects) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await objects.put_stream("releases/r", broken())
    assert not await objects.exists("releases/r")


@pytest.mark.parametrize(
    "key",
    ["", "/", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a\0b", "a\\b", "a b", "é", "a" * 901],
)
async def test_keys_that_could_lead_elsewhere_are_refused(objects: Objects, key: str) -> None:
    with pytest.raises(UnsafeKey):
        await objects.put(key, b"")
    with pytest.raises(UnsafeKey):
        await objects.get(key)
    with pytest.raises(UnsafeKey):
        await objects.signed_url(key, 60)


async def test_s3_signs_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "any")
    settings = settings_for(Settings, "postgresql://nobody@localhost/nothing", objects_url="s3://bucket/prefix")
    url = await Objects(settings).signed_url("assets/a.png", 60)
    assert urlsplit(url).scheme == "https"
    assert "X-Amz-Signature" in parse_qs(urlsplit(url).query)


@pytest.mark.parametrize(
    ("settings", "base_url", "start"),
    [
        ({}, None, "/v1/"),
        ({"root_path": "/qa"}, None, "/qa/v1/"),
        ({"root_path": "/qa", "public_url": "https://label.example/qa/"}, None, "https://label.example/qa/v1/"),
        ({"root_path": "/queue"}, "https://label.example/ingest", "https://label.example/ingest/v1/"),
        ({"root_path": "/queue"}, "", "/v1/"),
    ],
)
async def test_a_link_begins_with_how_clients_reach_the_service(
    settings: dict[str, str], base_url: str | None, start: str
) -> None:
    objects = Objects(settings_for(Settings, "postgresql://nobody@localhost/nothing", **settings))
    url = await objects.signed_url("assets/a.png", 60, base_url=base_url)
    assert url.startswith(f"{start}objects/assets/a.png?")


@pytest.fixture(scope="module")
async def tiny() -> AsyncIterator[ServiceUnderTest]:
    async with service_under_test("tests.service.kit.tiny") as service:
        yield service


async def test_a_signed_url_is_served_with_its_type_to_anybody(tiny: ServiceUnderTest) -> None:
    await tiny.runtime.objects.put("assets/a.svg", b"<svg/>" * 1000)
    answer = await tiny.client.get(
        await tiny.runtime.objects.signed_url("assets/a.svg", 60, media_type="image/svg+xml")
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-length"] == "6000"
    assert answer.content == b"<svg/>" * 1000


@pytest.mark.parametrize(
    ("header", "status", "content", "content_range"),
    [
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=5-100", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("bytes=x-y", 200, b"0123456789", None),
    ],
)
async def test_ranges_are_served(
    tiny: ServiceUnderTest, header: str, status: int, content: bytes | None, content_range: str | None
) -> None:
    await tiny.runtime.objects.put("assets/v.mp4", b"0123456789")
    url = await tiny.runtime.objects.signed_url("assets/v.mp4", 60, media_type="video/mp4")
    answer = await tiny.client.get(url, headers={"range": header})
    assert answer.status_code == status
    assert answer.headers.get("content-range") == content_range
    if content is not None:
        assert answer.content == content


async def test_a_url_that_was_changed_or_is_over_is_refused(tiny: ServiceUnderTest) -> None:
    objects = tiny.runtime.objects
    await objects.put("assets/a", b"a")
    await objects.put("assets/b", b"b")
    good = await objects.signed_url("assets/a", 60)
    changed = [
        good.replace("assets/a", "assets/b"),
        good.replace("expires=", "expires=1"),
        good.replace("octet-stream", "pdf"),
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good.replace("assets/a", "assets/%2e%2e/assets/a"),
        await objects.signed_url("assets/a", -10),
        await objects.signed_url("assets/a", 60, "PUT"),
        "/v1/objects/assets/a?expires=99999999999&signature=%00%ff",
        "/v1/objects/assets/a?expires=99999999999&signature=é",
    ]
    for url in changed:
        answer = await tiny.client.get(url)
        assert answer.status_code in {400, 403}, url
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await tiny.client.get(good)).content == b"a"
    missing = await tiny.client.get(await objects.signed_url("assets/none", 60))
    assert missing.json()["type"] == "object-missing"


async def test_an_upload_url_stores_the_body(tiny: ServiceUnderTest) -> None:
    url = await tiny.runtime.objects.signed_url("assets/up", 60, "PUT")
    assert (await tiny.client.put(url, content=b"new")).status_code == 204
    assert await tiny.runtime.objects.get("assets/up") == b"new"
    assert (
        await tiny.client.put(await tiny.runtime.objects.signed_url("assets/up", 60), content=b"x")
    ).status_code == 403
