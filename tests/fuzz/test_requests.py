"""Requests with broken items between good ones, sent to running services: the good ones are stored, and nothing is a 5xx."""

import base64
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID

import orjson
import pytest

from shared.contracts.values import Role
from tests.fuzz.mutations import BYTES, CASES, IMAGES, Chance, chance_of, good_images, mutated
from tests.fuzz.test_lines import LINES, SCHEMA, report
from tests.fuzz.test_manifests import GOOD as GOOD_MANIFEST
from tests.service.ingest.conftest import IMAGE_SCHEMA, TEXT_SCHEMA, Ingest
from tests.service.prelabel.world import World
from tests.support.service import service_under_test

ITEMS = 50
REQUESTS = max(1, CASES // ITEMS)
UPLOADS = max(10, CASES // (10 * ITEMS))
"""A model that is not refused by its manifest is tried out, which takes long."""

MAX_SECONDS = 600.0
"""A run of many cases ends after this long, with what it has sent until then."""

REFUSED = {400, 413, 415, 422}
OF_OURS = {"unreadable", "unstorable"}


def numbers(most: int) -> Iterator[int]:
    """The numbers of the requests, until the time is over."""
    until = time.monotonic() + MAX_SECONDS
    for number in range(most):
        if time.monotonic() > until:
            return
        yield number


def text_line(name: str) -> bytes:
    return orjson.dumps(
        {
            "external_id": name,
            "fields": {"message": f"Message {name} of jane@example.com"},
            "slice": {"channel": "chat", "year": 2026},
            "purposes": ["quality"],
            "origin": "collected",
            "priority": 3,
        }
    )


def image_line(name: str, image: bytes) -> bytes:
    fields = {"image": {"base64": base64.b64encode(image).decode()}, "caption": f"Picture {name}"}
    return orjson.dumps({"external_id": name, "fields": fields})


def broken_text(chance: Chance, name: str) -> bytes:
    return mutated(chance, text_line(name), LINES)


def broken_image(chance: Chance, name: str) -> bytes:
    return image_line(name, mutated(chance, chance.choice(good_images()), IMAGES))


def good_image(name: str) -> bytes:
    return image_line(name, good_images()[2])


def lines_of(
    case: int, good: Callable[[str], bytes], broken: Callable[[Chance, str], bytes]
) -> tuple[list[bytes], list[str]]:
    """Broken lines between good ones, and the external ids of the good ones."""
    chance = chance_of(case, "request")
    names = [f"good-{case}-{at}" for at in range(ITEMS + 1)]
    lines = [good(names[0])]
    for at, name in enumerate(names[1:]):
        lines += [broken(chance, f"broken-{case}-{at}"), good(name)]
    return lines, names


def is_json(item: bytes) -> bool:
    try:
        orjson.loads(item)
    except orjson.JSONDecodeError:
        return False
    return True


@pytest.fixture(scope="module")
async def ingest(postgres_url: str) -> AsyncIterator[Ingest]:
    del postgres_url
    async with service_under_test("ingest", max_line_bytes=100_000, max_asset_pixels=100_000) as service:
        yield Ingest(service)


async def send(ingest: Ingest, project_id: UUID, body: bytes, media_type: str) -> Any:
    headers = {**ingest.product, "Content-Type": media_type}
    return await ingest.client.post(f"/v1/projects/{project_id}/records", content=body, headers=headers)


async def check_stored(ingest: Ingest, project_id: UUID, answer: Any, names: list[str], case: int) -> None:
    assert answer.status_code == 200, (case, answer.text)
    report = answer.json()
    assert not OF_OURS & {line["reason"] for line in report["rejected"]}, (case, report["rejected"])
    stored = await ingest.scalar(
        "SELECT count(*) FROM records WHERE project_id = $1 AND external_id = ANY($2)", project_id, names
    )
    assert stored == len(names), case
    assert report["accepted"] >= stored, case


@pytest.mark.filterwarnings("ignore")  # Pillow's about broken metadata
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("schema", "good", "broken"),
    [
        pytest.param(TEXT_SCHEMA, text_line, broken_text, id="texts"),
        pytest.param(IMAGE_SCHEMA, good_image, broken_image, id="images"),
    ],
)
async def test_a_stream_stores_the_lines_around_broken_ones(
    ingest: Ingest, schema: Any, good: Callable[[str], bytes], broken: Callable[[Chance, str], bytes]
) -> None:
    project_id = await ingest.project(schema)
    for case in numbers(REQUESTS):
        lines, names = lines_of(case, good, broken)
        answer = await send(ingest, project_id, b"\n".join(lines), "application/x-ndjson")
        await check_stored(ingest, project_id, answer, names, case)


@pytest.mark.timeout(3600)
async def test_a_stream_stores_the_reports_around_broken_ones(ingest: Ingest) -> None:
    project_id = await ingest.project(SCHEMA.model_dump(mode="json", exclude_none=True))
    path, headers = f"/v1/projects/{project_id}/feedback", {**ingest.product, "Content-Type": "application/x-ndjson"}

    def good(name: str) -> bytes:
        return report(1).replace(b'"r1"', orjson.dumps(name))

    def broken(chance: Chance, _name: str) -> bytes:
        return mutated(chance, report(1), LINES)

    for case in numbers(REQUESTS):
        lines, names = lines_of(case, good, broken)
        records = b"\n".join(map(text_line, ["r1", *names]))
        assert (await send(ingest, project_id, records, "application/x-ndjson")).status_code == 200
        answer = await ingest.client.post(path, content=b"\n".join(lines), headers=headers)
        assert answer.status_code == 200, (case, answer.text)
        assert not OF_OURS & {line["reason"] for line in answer.json()["rejected"]}, (case, answer.text)
        stored = await ingest.scalar(
            "SELECT count(DISTINCT record_id) FROM feedback JOIN records USING (record_id) "
            "WHERE records.project_id = $1 AND external_id = ANY($2)",
            project_id,
            names,
        )
        assert stored == len(names), case


@pytest.mark.timeout(3600)
async def test_a_batch_stores_the_items_around_broken_ones(ingest: Ingest) -> None:
    project_id = await ingest.project()
    for case in numbers(REQUESTS):
        lines, names = lines_of(case, text_line, broken_text)
        body = b'{"records": [' + b",".join(line for line in lines if is_json(line)) + b"]}"
        await check_stored(ingest, project_id, await send(ingest, project_id, body, "application/json"), names, case)
        whole = mutated(
            chance_of(case, "batch"), b'{"records": [' + broken_text(chance_of(case, "item"), "x") + b"]}", LINES
        )
        answer = await send(ingest, project_id, whole, "application/json")
        assert answer.status_code in {200, *REFUSED}, (case, answer.text)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(3600)
async def test_a_broken_upload_of_an_image_is_refused(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    path = f"/v1/projects/{project_id}/assets"
    for case in numbers(REQUESTS):
        chance = chance_of(case, "upload")
        data = mutated(chance, chance.choice(good_images()), IMAGES)
        headers = {**ingest.product, "Content-Type": chance.choice(("image/png", "image/jpeg"))}
        form = ingest.client.build_request("POST", path, files={"file": ("a", data)})
        body, kind = mutated(chance, form.read(), BYTES), form.headers["Content-Type"]
        for answer in (
            await ingest.client.post(path, content=data, headers=headers),
            await ingest.client.post(path, files={"file": ("a", data)}, headers=ingest.product),
            await ingest.client.post(path, content=body, headers={**ingest.product, "Content-Type": kind}),
        ):
            assert answer.status_code in {201, *REFUSED}, (case, answer.text)


@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")  # a part that is cut off goes with its parser
@pytest.mark.timeout(3600)
async def test_a_broken_upload_of_a_model_is_refused(postgres_url: str) -> None:
    del postgres_url
    async with service_under_test("prelabel") as service:
        world = World(service)
        await world.begin(
            {
                "fields": [{"name": "picture", "kind": "image"}],
                "questions": [{"name": "animal", "kind": "choice", "labels": ["cat", "dog"]}],
            }
        )
        path, headers = f"/v1/projects/{world.project_id}/models", service.token(Role.TRAINER)
        for case in numbers(UPLOADS):
            chance = chance_of(case, "model upload")
            manifest = mutated(chance, GOOD_MANIFEST, LINES)
            form = service.client.build_request(
                "POST", path, files={"model": ("m", chance.randbytes(40)), "manifest": (None, manifest)}
            )
            body = form.read() if chance.random() < 0.7 else mutated(chance, form.read(), BYTES)
            kind = form.headers["Content-Type"]
            answer = await service.client.post(path, content=body, headers={**headers, "Content-Type": kind})
            assert answer.status_code in {404, 409, *REFUSED}, (case, answer.text)
