import asyncio
import base64
import io
import zlib
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from PIL import Image

from services.ingest.storage import assets as storage
from services.ingest.storage.assets import object_key
from shared.contracts.events import AssetReference, RecordAccepted
from shared.contracts.values import Role
from shared.kit.clock import utc_now
from tests.service.ingest.conftest import IMAGE_SCHEMA, Ingest, png

PLANTED = b"jane.doe@example.com"


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def jpeg_with_metadata(orientation: int = 6) -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = PLANTED.decode()
    Image.effect_noise((40, 20), 60).save(out, "JPEG", exif=exif, comment=PLANTED)
    return out.getvalue()


async def _record(ingest: Ingest, record_id: str) -> dict[str, Any]:
    read: dict[str, Any] = await ingest.get(f"/v1/records/{record_id}")
    return read


async def test_an_inline_image_becomes_an_asset_without_metadata(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    report = await ingest.send(
        project_id,
        {"fields": {"image": {"base64": _encoded(jpeg_with_metadata())}}},
        {"fields": {"image": "data:image/png;base64," + _encoded(png(7))}},
    )
    assert report["accepted"] == 2, report
    event = next(
        item
        for item in await ingest.service.published(RecordAccepted)
        if str(item.record_id) == report["records"][0]["record_id"]
    )
    reference = event.payload.fields["image"]
    assert isinstance(reference, AssetReference)
    assert (reference.media_type, reference.width, reference.height) == ("image/jpeg", 20, 40), "it was turned"
    stored = await ingest.service.runtime.objects.get(f"assets/{reference.asset_id}")
    assert len(stored) == reference.size_bytes
    assert PLANTED not in stored
    assert b"Exif" not in stored
    asset = await ingest.get(f"/v1/assets/{reference.asset_id}")
    assert asset["sha256"] == reference.sha256
    served = await ingest.client.get(asset["url"])
    assert served.status_code == 200
    assert served.headers["content-type"] == "image/jpeg"
    assert served.content == stored


async def test_what_was_changed_of_an_image_is_in_the_answers(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    turned = ["metadata-removed", "turned-upright", "re-encoded"]
    given = {"fields": {"image": {"base64": _encoded(jpeg_with_metadata())}}}
    report = await ingest.send(project_id, given, {"fields": {"image": {"base64": _encoded(png(7))}}}, given)
    assert [sorted(item.get("image_changes", ["none"])) for item in report["records"]] == [sorted(turned), [], ["none"]]
    assert report["image_changes"] == dict.fromkeys(turned, 1)
    record = await _record(ingest, report["records"][0]["record_id"])
    asset = await ingest.get(f"/v1/assets/{record['fields']['image']['asset_id']}")
    assert asset["changes"] == turned
    stream = await ingest.stream(project_id, orjson.dumps({**given, "fields": {**given["fields"], "caption": "one"}}))
    assert stream["image_changes"] == dict.fromkeys(turned, 1)
    answer = await ingest.client.post(
        f"/v1/projects/{project_id}/assets",
        content=jpeg_with_metadata(),
        headers={**ingest.product, "Content-Type": "image/jpeg"},
    )
    assert answer.json()["changes"] == turned


async def test_a_broken_image_is_refused_alone_and_says_what_is_wrong(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    images = [png(1), b"", png(2), png(3)[:-9], png(4)]
    report = await ingest.send(project_id, *({"fields": {"image": {"base64": _encoded(data)}}} for data in images))
    assert report["accepted"] == 3
    empty, cut = report["rejected"]
    assert (empty["line"], empty["detail"]) == (2, "the file is empty")
    assert (cut["line"], cut["detail"]) == (4, "the file is broken off: its end is missing")


async def test_an_asset_is_redirected_to_on_demand_and_guarded(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    answer = await ingest.client.post(
        f"/v1/projects/{project_id}/assets", content=png(), headers={**ingest.product, "Content-Type": "image/png"}
    )
    assert answer.status_code == 201
    path = f"/v1/assets/{answer.json()['asset_id']}"
    redirect = await ingest.client.get(f"{path}?redirect=true", headers=ingest.manager)
    assert redirect.status_code == 307
    assert (await ingest.client.get(redirect.headers["location"])).status_code == 200
    assert (await ingest.client.get(redirect.headers["location"] + "x")).status_code in {403, 404}
    stranger = ingest.service.token(Role.ANNOTATOR, projects=[uuid4()])
    assert (await ingest.client.get(path, headers=stranger)).status_code == 403
    assert (await ingest.client.get(f"/v1/assets/{uuid4()}", headers=ingest.manager)).status_code == 404


async def test_a_png_keeps_its_pixels(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    original = Image.effect_noise((9, 7), 90)
    out = io.BytesIO()
    original.save(out, "PNG")
    report = await ingest.send(project_id, {"fields": {"image": {"base64": _encoded(out.getvalue())}}})
    record = await _record(ingest, report["records"][0]["record_id"])
    stored = await ingest.service.runtime.objects.get(f"assets/{record['fields']['image']['asset_id']}")
    assert Image.open(io.BytesIO(stored)).tobytes() == original.tobytes()


async def test_a_form_and_a_reference_make_a_record(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    path = f"/v1/projects/{project_id}/assets"
    files = {"file": (f"{PLANTED.decode()}.png", png(3), "image/png")}
    uploaded = (await ingest.client.post(path, files=files, headers=ingest.product)).json()
    record = {"fields": {"image": {"asset_id": uploaded["asset_id"]}, "caption": "three"}}
    report = await ingest.send(project_id, record, record)
    assert (report["accepted"], report["duplicates"]) == (1, 1)
    inline = await ingest.send(project_id, {"fields": {"image": {"base64": _encoded(png(3))}, "caption": "three"}})
    assert inline["duplicates"] == 1, "the same original, whichever way it came"
    other = await ingest.project(IMAGE_SCHEMA)
    stolen = await ingest.send(other, record, {"fields": {"image": {"asset_id": str(uuid4())}}})
    assert [item["reason"] for item in stolen["rejected"]] == ["asset-unknown", "asset-unknown"]


def _bomb() -> bytes:
    """A PNG of 20,000 x 20,000 pixels in some hundred bytes."""
    raw = png(0)
    header = b"IHDR" + (20_000).to_bytes(4) * 2 + b"\x08\x00\x00\x00\x00"
    return raw[:12] + header + zlib.crc32(header).to_bytes(4) + raw[33:]


@pytest.mark.parametrize(
    ("data", "status", "kind"),
    [
        (b"", 422, "not-an-image"),
        (b"rubbish", 422, "not-an-image"),
        (png()[:40], 422, "not-an-image"),
        (b"GIF89a" + bytes(100), 422, "not-an-image"),
        (_bomb(), 413, "image-too-large"),
        (bytes(60_000), 413, "body-too-large"),
    ],
)
async def test_what_is_no_acceptable_image_is_refused(ingest: Ingest, data: bytes, status: int, kind: str) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    path = f"/v1/projects/{project_id}/assets"
    answer = await ingest.client.post(path, content=data, headers={**ingest.product, "Content-Type": "image/png"})
    assert (answer.status_code, answer.json()["type"]) == (status, kind)
    report = await ingest.send(project_id, {"fields": {"image": {"base64": _encoded(data)}}})
    assert report["accepted"] == 0
    assert report["rejected"][0]["reason"] in {"image-unreadable", "image-too-large"}


async def test_a_table_is_no_image_and_is_shown_the_way(ingest: Ingest) -> None:
    path = f"/v1/projects/{await ingest.project(IMAGE_SCHEMA)}/assets"
    answer = await ingest.client.post(path, files={"file": ("mails.CSV", b"a,b", "text/csv")}, headers=ingest.product)
    assert (answer.status_code, answer.json()["pointer"]) == (415, "/file")
    assert "docs/bring-a-csv.md" in answer.json()["detail"]


async def test_uploads_of_another_kind_are_refused(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    path = f"/v1/projects/{project_id}/assets"
    answer = await ingest.client.post(path, content=b"x", headers={**ingest.product, "Content-Type": "text/plain"})
    assert answer.status_code == 415
    answer = await ingest.client.post(path, files={"other": png()}, headers=ingest.product)
    assert answer.status_code == 422
    big = {"file": ("a.png", bytes(200_000), "image/png")}
    assert (await ingest.client.post(path, files=big, headers=ingest.product)).status_code == 413


@pytest.mark.parametrize(
    "value",
    [
        7,
        "text",
        {"base64": "%%%"},
        {"base64": 7},
        {"url": "x"},
        {"asset_id": "x"},
        {"asset_id": 7},
        "data:image/png,abc",
        None,
        [],
    ],
)
async def test_an_image_field_that_is_none_is_refused(ingest: Ingest, value: Any) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    report = await ingest.send(project_id, {"fields": {"image": value}})
    assert (report["accepted"], report["rejected_total"]) == (0, 1)


async def _objects(ingest: Ingest, project_id: UUID) -> list[UUID]:
    async with ingest.service.database.transaction() as session:
        rows = await session.raw.fetch("SELECT asset_id FROM assets WHERE project_id = $1", project_id)
    return [row[0] for row in rows]


@pytest.mark.parametrize("uploaded", [True, False])
async def test_another_image_under_a_known_external_id_is_refused(ingest: Ingest, uploaded: bool) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)

    async def record(shade: int) -> dict[str, Any]:
        if not uploaded:
            return {"external_id": "i", "fields": {"image": {"base64": _encoded(png(shade))}}}
        path = f"/v1/projects/{project_id}/assets"
        headers = {**ingest.product, "Content-Type": "image/png"}
        answer = await ingest.client.post(path, content=png(shade), headers=headers)
        return {"external_id": "i", "fields": {"image": {"asset_id": answer.json()["asset_id"]}}}

    record_id = (await ingest.send(project_id, await record(20)))["records"][0]["record_id"]
    again = await ingest.send(project_id, await record(20), await record(21))
    assert [(item["line"], item["record_id"]) for item in again["duplicate_lines"]] == [(1, record_id)]
    assert [(item["line"], item["reason"]) for item in again["rejected"]] == [(2, "content-differs")]
    report = {"verdict": "confirmed"}
    fed = await ingest.report(project_id, {**await record(20), **report}, {**await record(21), **report})
    assert [item["record_id"] for item in fed["feedback"]] == [record_id]
    assert [(item["line"], item["reason"]) for item in fed["rejected"]] == [(2, "content-differs")]


async def test_erasure_takes_the_images_of_nobody_else(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    answer = await ingest.client.post(
        f"/v1/projects/{project_id}/assets", content=png(5), headers={**ingest.product, "Content-Type": "image/png"}
    )
    asset_id = answer.json()["asset_id"]
    shared = {"asset_id": asset_id}
    report = await ingest.send(
        project_id,
        {"fields": {"image": shared, "caption": "one"}},
        {"fields": {"image": shared, "caption": "two"}},
        {"fields": {"image": {"base64": _encoded(png(9))}}},
    )
    objects = ingest.service.runtime.objects
    first, second, third = (item["record_id"] for item in report["records"])
    own = (await _record(ingest, third))["fields"]["image"]["asset_id"]
    for record_id in (first, third):
        await ingest.client.delete(f"/v1/records/{record_id}", headers=ingest.product)
    await ingest.service.run_loop("sweep_assets")
    assert await objects.exists(f"assets/{asset_id}")
    assert not await objects.exists(f"assets/{own}")
    await ingest.client.delete(f"/v1/records/{second}", headers=ingest.product)
    await ingest.service.run_loop("sweep_assets")
    assert not await objects.exists(f"assets/{asset_id}")
    assert await _objects(ingest, project_id) == []
    assert await ingest.get(f"/v1/assets/{asset_id}", 404)


async def test_images_whose_record_never_came_are_swept_away(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    twin = {"fields": {"image": {"base64": _encoded(png(11))}}}
    await ingest.send(project_id, twin, {**twin, "external_id": "twin"})
    answer = await ingest.client.post(
        f"/v1/projects/{project_id}/assets", content=png(5), headers={**ingest.product, "Content-Type": "image/png"}
    )
    async with ingest.service.database.transaction() as session:
        scheduled = [row[0] for row in await session.raw.fetch("SELECT asset_id FROM asset_deletions")]
        assert UUID(answer.json()["asset_id"]) in scheduled
        await storage.schedule_deletion(session, scheduled, utc_now() - timedelta(seconds=1))
    await ingest.service.run_loop("sweep_assets")
    for asset_id in scheduled:
        assert not await ingest.service.runtime.objects.exists(object_key(asset_id))
    (kept,) = await _objects(ingest, project_id)
    assert await ingest.service.runtime.objects.exists(object_key(kept))


async def test_many_small_images_are_taken_in_one_stream(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    lines = [
        orjson.dumps(
            {
                "external_id": f"i{number}",
                "fields": {"image": {"base64": _encoded(png(number % 256, (8, 8 + number // 256)))}},
            }
        )
        for number in range(600)
    ]
    report = await ingest.stream(project_id, b"\n".join(lines))
    assert report["accepted"] == 600
    again = await asyncio.gather(*(ingest.stream(project_id, b"\n".join(lines)) for _ in range(2)))
    assert [item["duplicates"] for item in again] == [600, 600]
    assert len(await _objects(ingest, project_id)) == 600
