"""What one caller may send to take a service from everybody else: questions, parsers, files, models, lists, jobs, uploads."""

import asyncio
import base64
import contextlib
import gzip
import io
import itertools
import json
import re
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

import aiohttp
from PIL import Image

from tests.attack.attacker import NDJSON, PEOPLE, READERS, Answer, Attacker
from tests.service.prelabel import hostile

Attack = Callable[[Attacker], Awaitable[None]]

MIB: Final = 1024 * 1024
REGIONS: Final = 2_000
LABELS: Final = 10_000
_SIDE: Final = 2_600
_LISTED: Final = 60
_CROWDED: Final = 12
_CROWDED_SPANS: Final = 300
_KINDS_OF_JOBS: Final = 3
_JOBS_KEPT: Final = 6
_OPEN: Final = 50
_LONGEST_WAIT_S: Final = 25
_UNTIL_SET_ASIDE: Final = 3
"""After so many batches that break its limits a model is asked no more."""
_OF_A_HOSTILE_MODEL: Final = frozenset({"inference-failed"})
_TEXT_FIELD: Final = {"name": "text", "kind": "text"}
_TEXT: Final[Mapping[str, Any]] = {
    "fields": [_TEXT_FIELD],
    "questions": [{"name": "topic", "kind": "choice", "labels": ["ham", "spam"]}],
}
_BOXES: Final = {"name": "seen", "kind": "boxes", "field": "image", "labels": ["car", "bus"]}
_SPANS: Final = {"name": "seen", "kind": "spans", "field": "text", "labels": ["PER", "ORG"], "overlapping": True}


# Questions at their limits


def boxes(person: int, *, turned: bool) -> dict[str, Any]:
    """Like boxes, a little beside those of the others, each turned otherwise or none."""
    drawn = [
        {"x": 10.0 + at + person / 7, "y": 10.0 + person / 9, "width": 20.0, "height": 20.0, "label": "car"}
        for at in range(REGIONS)
    ]
    return {"boxes": [box | {"rotation": at / 80 + person} if turned else box for at, box in enumerate(drawn)]}


def spans(person: int) -> dict[str, Any]:
    return {"spans": [{"start": at, "end": at + 40 + person, "label": "PER"} for at in range(REGIONS)]}


async def crowded_boxes(attacker: Attacker) -> None:
    """Three people each draw 2,000 like boxes in an image."""
    schema = {"fields": [{"name": "image", "kind": "image"}], "questions": [_BOXES]}
    await _annotate(
        attacker, schema, await _picture_records(3), lambda person, _: {"seen": boxes(person, turned=False)}
    )


async def crowded_turned_boxes(attacker: Attacker) -> None:
    schema = {"fields": [{"name": "image", "kind": "image"}], "questions": [_BOXES | {"rotation": True}]}
    await _annotate(attacker, schema, await _picture_records(3), lambda person, _: {"seen": boxes(person, turned=True)})


async def crowded_spans(attacker: Attacker) -> None:
    schema = {"fields": [_TEXT_FIELD], "questions": [_SPANS]}
    records = [{"fields": {"text": f"{number} " + "the lamp that never came " * 100}} for number in range(3)]
    await _annotate(attacker, schema, records, lambda person, _: {"seen": spans(person)})


async def every_label(attacker: Attacker) -> None:
    """10,000 labels of 50 characters, all chosen, and the deepest of a choice beside it."""
    labels = [f"{number:05d} {'a label of forty-four characters and more'}" for number in range(2_500)]
    schema = {
        "fields": [_TEXT_FIELD],
        "questions": [
            {"name": "many", "kind": "multi_choice", "labels": labels},
            {"name": "one", "kind": "choice", "labels": labels},
        ],
    }
    records = [{"fields": {"text": f"text {number}"}} for number in range(4)]
    await _annotate(
        attacker, schema, records, lambda person, _: {"many": {"labels": labels[person:]}, "one": {"label": labels[-1]}}
    )


async def longest_texts(attacker: Attacker) -> None:
    """Records as long as they may be, of letters, of digits and of what looks like addresses."""
    texts = ("word " * 80_000, "4111 " * 80_000, "a.b@" * 100_000, "1" * 400_000, "é" * 200_000, "+49 " * 100_000)
    project_id = await attacker.new_project(_TEXT)
    path = f"/projects/{project_id}/records"
    await attacker.at_once(
        attacker.send("ingest", "POST", path, {"records": [{"fields": {"text": text}}]}) for text in texts * 3
    )


async def answers_to_check(attacker: Attacker) -> None:
    """`/validate`, drafts and submits of as many bytes, keys and levels as a body may have."""
    project_id = await attacker.new_project({"fields": [_TEXT_FIELD], "questions": [_SPANS]}, people=3)
    path = f"/projects/{project_id}/records"
    text = "the lamp that never came " * 4_000
    await attacker.must("ingest", "POST", path, {"records": [{"fields": {"text": text}}]})
    token = (await attacker.lease(project_id, _people(attacker)[0]))["token"]
    bodies: list[dict[str, Any]] = [
        {f"key {number}": number for number in range(40_000)},
        {"seen": {"spans": list(range(200_000))}},
        {"seen": {"spans": [{"start": at, "end": at + 4, "label": "4111 1111"} for at in range(20_000)]}},
        {"seen": {"spans": [], "note": "4111 " * 100_000}},
        {"seen": _nested(60)},
        {"seen": spans(0)},
        {"seen": {"spans": [{"start": at, "end": len(text), "label": "PER"} for at in range(REGIONS)]}},
    ]
    person = _people(attacker)[0]

    def all_of_them() -> Iterator[Any]:
        for answers in bodies:
            checked = {"project_id": project_id, "fields": {"text": text}, "answers": answers}
            yield attacker.send("queue", "POST", "/validate", checked)
            yield attacker.send("queue", "POST", "/validate", {"token": token, "answers": answers}, person=person)
            yield attacker.send("queue", "PUT", f"/leases/{token}/draft", {"answers": answers}, person=person)
            work = {"answers": answers, "active_s": 1.0, "reason": "4111 " * 800}
            yield attacker.send("queue", "PUT", f"/leases/{token}/annotation", work, person=person)

    for _ in range(3):
        await attacker.at_once(all_of_them())


async def feedback_of_regions(attacker: Attacker) -> None:
    """Reports of as many spans as may be, and of more, about a record in which very much was masked."""
    project_id = await attacker.new_project({"fields": [_TEXT_FIELD], "questions": [_SPANS]})
    text = "a@b.co " * 60_000
    record = {"external_id": "masked", "fields": {"text": text}}
    await attacker.must("ingest", "POST", f"/projects/{project_id}/records", {"records": [record]})

    def report(number: int, count: int) -> dict[str, Any]:
        places = range(len(text) - 20 * count, len(text), 20)
        answers = {"seen": {"spans": [{"start": at, "end": at + 9 + number, "label": "PER"} for at in places]}}
        predicted = {"seen": {"spans": answers["seen"]["spans"][1:]}}
        return {"external_id": "masked", "verdict": "corrected", "prediction": predicted, "correction": answers}

    path = f"/projects/{project_id}/feedback"
    await attacker.at_once(
        attacker.send("ingest", "POST", path, {"feedback": [report(number, count) for number in range(10)]})
        for count in (REGIONS, REGIONS, REGIONS, 5_000, 15_000)
    )


async def gold_of_everything(attacker: Attacker) -> None:
    """Gold of many records with many regions, in one request and in many."""
    project_id = await attacker.new_project({"fields": [_TEXT_FIELD], "questions": [_SPANS]})
    path = f"/projects/{project_id}/records"
    records = [{"fields": {"text": f"{number} " + "the lamp that never came " * 100}} for number in range(100)]
    taken = await attacker.must("ingest", "POST", path, {"records": records})
    ids = [one["record_id"] for one in taken["records"]]
    await asyncio.sleep(2.0)
    await attacker.at_once(
        attacker.send("qa", "PUT", f"/projects/{project_id}/records/{one}/gold", {"answers": {"seen": spans(0)}})
        for one in ids[:20]
    )
    few = {"seen": {"spans": [{"start": 0, "end": 3, "label": "PER"}]}}
    gold = [{"record_id": one, "answers": few, "exposures": 10_000} for one in ids]
    await attacker.at_once(
        attacker.send("qa", "POST", f"/projects/{project_id}/gold", {"gold": gold}) for _ in range(5)
    )


# Projects


async def heavy_projects(attacker: Attacker) -> None:
    """Projects whose guidelines are digits, whose schemas have all labels that fit, many at once."""
    digits = "4111 1111 1111 111 " * 9_000
    labels = [f"label number {number} is long" for number in range(8_000)]
    schema = {"fields": [_TEXT_FIELD], "questions": [{"name": "many", "kind": "multi_choice", "labels": labels}]}
    project_id = await attacker.new_project(_TEXT)

    def all_of_them() -> Iterator[Any]:
        for _ in range(6):
            yield attacker.send("ingest", "POST", "/projects", {"name": "Attack", "guideline": digits})
            yield attacker.send("ingest", "POST", "/projects", {"name": "Attack", "schema": schema})
            yield attacker.send("ingest", "POST", f"/projects/{project_id}/schemas", schema)
            yield attacker.send("ingest", "POST", f"/projects/{project_id}/guidelines", {"markdown": digits})
            policies = {"purposes_required": ["4111 " * 39] * 200}
            yield attacker.send("ingest", "PUT", f"/projects/{project_id}/policies", policies)

    await attacker.at_once(all_of_them())


# Parsers


async def streams(attacker: Attacker) -> None:
    """Lines that are too long, too deep, too large, twice the same, broken, empty and many."""
    project_id = await attacker.new_project(_TEXT)
    path = f"/projects/{project_id}/records"
    record = b'{"fields": {"text": "a line %d"}}\n'
    bodies = [
        b'{"fields": {"text": "' + b"a" * (20 * MIB),
        b'{"fields": {"text": "' + b"4111 " * (3 * MIB) + b'"}}\n',
        b'{"fields": {"text": ' + b"[" * (8 * MIB) + b"\n",
        b'{"fields": {"text": ' + b'{"a":' * MIB + b"1" + b"}" * MIB + b"}}\n",
        b'{"fields": {"text": ' + b"9" * (4 * MIB) + b"}}\n",
        b'{"fields": {"text": 1e999999}}\n{"fields": {"text": -1e999999}}\n' * 1000,
        b'{"fields": {"text": "b"}, "fields": {"text": "b"}}\n' * 50_000,
        b"".join(record % 1 for _ in range(50_000)),
        b"\n" * (8 * MIB),
        b"\r\n \n" * MIB,
        b'{"slice": {' + b",".join(b'"k%d": %d' % (at, at) for at in range(200_000)) + b"}}\n",
        b"\xff\xfe" * MIB,
        b'{"fields": {"text": "\\ud800"}}\n' * 20_000,
    ]
    await attacker.at_once(attacker.send("ingest", "POST", path, body, media_type=NDJSON) for body in bodies)
    feedback = f"/projects/{project_id}/feedback"
    await attacker.at_once(attacker.send("ingest", "POST", feedback, body, media_type=NDJSON) for body in bodies[:6])


async def batches(attacker: Attacker) -> None:
    """JSON bodies of 16 MB: as many values, names, digits and levels as they hold."""
    project_id = await attacker.new_project(_TEXT)
    path = f"/projects/{project_id}/records"
    start, end = b'{"records": [', b"]}"
    bodies = [
        start + b",".join([b"1"] * 499_000) + end,
        start + b",".join([b"{}"] * 300_000) + end,
        start + b",".join([b'{"a":1,"a":1}'] * 100_000) + end,
        start + b'{"fields":{"text":' + b"[" * 8_000_000 + end,
        start + b"9" * 15_000_000 + end,
        start + b'{"fields":{"text":"' + b"\\u0000" * 2_500_000 + b'"}}' + end,
        start + b'{"fields":{"text":"' + b'\\n\\"' * 3_500_000 + b'"}}' + end,
        start + b",".join(b'{"fields":{"text":"text %d"}}' % at for at in range(10_000)) + end,
        start
        + b'{"fields":{"text":"a"},"slice":{'
        + b",".join(b'"%d":%d' % (at, at) for at in range(240_000))
        + b"}}"
        + end,
        b"[" * (15 * MIB),
        b'"' + b"a" * (15 * MIB),
        b" " * (15 * MIB),
    ]
    await attacker.at_once(attacker.send("ingest", "POST", path, body) for body in bodies)
    await attacker.at_once(
        attacker.send("prelabel", "POST", f"/projects/{project_id}/predictions", one) for one in bodies
    )


# Files


async def image_bombs(attacker: Attacker) -> None:
    """Small files of many pixels, that claim more, that inflate to more, and that are broken: alone and inside records."""
    schema = {"fields": [{"name": "image", "kind": "image"}], "questions": [_BOXES]}
    project_id = await attacker.new_project(schema)
    bombs = [*_bombs(), *[png(7_071, 7_071)] * 8]
    uploads = f"/projects/{project_id}/assets"
    await attacker.at_once(attacker.send("ingest", "POST", uploads, bomb, media_type="image/png") for bomb in bombs * 2)
    records = [{"fields": {"image": {"base64": base64.b64encode(bomb).decode()}}} for bomb in bombs]
    await attacker.at_once(
        attacker.send("ingest", "POST", f"/projects/{project_id}/records", {"records": records}) for _ in range(3)
    )


async def predicted_bombs(attacker: Attacker) -> None:
    """The same, to be predicted by a model that reads images."""
    project_id, model_id = await _with_model(attacker, hostile.endless_loop())
    items = [
        {"fields": {"picture": {"base64": base64.b64encode(bomb).decode()}}} for bomb in [*_bombs(), png(7_071, 7_071)]
    ]
    await attacker.at_once(
        attacker.send("prelabel", "POST", f"/projects/{project_id}/predictions", {"model_id": model_id, "items": items})
        for _ in range(6)
    )


def png(width: int, height: int, *between: bytes, depth: int = 1, claimed: tuple[int, int] | None = None) -> bytes:
    """A black picture of one channel; `between` are chunks, `claimed` the size that its header says."""
    row = b"\0" + bytes(-(-width * depth // 8))
    packer = zlib.compressobj(9)
    pixels = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    header = struct.pack(">IIBBBBB", *(claimed or (width, height)), depth, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(between) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _bombs() -> list[bytes]:
    zeros = zlib.compress(bytes(64 * MIB), 9)
    small = png(8, 8)
    jpeg = _saved("JPEG", Image.new("RGB", (7_000, 7_000)))
    exif = b"\xff\xe1" + struct.pack(">H", 65_535) + b"Exif\0\0MM\0*\0\0\0\x08" + b"\xff" * 65_519
    return [
        png(7_071, 7_071),
        png(7_071, 7_071, depth=16),
        png(8, 8, claimed=(2**31 - 1, 2**31 - 1)),
        png(8, 8, claimed=(50_000_000, 1)),
        png(1, 1_000_000),
        png(8, 8, chunk(b"iCCP", b"p\0\0" + zeros)),
        png(8, 8, chunk(b"zTXt", b"p\0\0" + zeros), chunk(b"iTXt", b"p\0\1\0\0\0" + zeros)),
        png(8, 8, *[chunk(b"tEXt", b"k\0v")] * 200_000),
        png(8, 8, struct.pack(">I", 2**31 - 1) + b"tEXt"),
        small[:-20],
        b"\x89PNG\r\n\x1a\n" + bytes(10 * MIB),
        b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\xf0\0\0" + bytes(6) + b"," * MIB,
        jpeg,
        jpeg[:2] + exif * 100 + jpeg[2:],
        jpeg[:2] + b"\xff\xfe\xff\xff" + bytes(65_533) + jpeg[2 : len(jpeg) // 2],
        _saved("JPEG", Image.new("RGB", (6_000, 6_000)), progressive=True),
        gzip.compress(bytes(64 * MIB)),
    ]


def _saved(kind: str, image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


# Models


async def models(attacker: Attacker) -> None:
    """Models that loop, that want gigabytes, that are none and that are large: uploaded, promoted, asked."""
    broken = [
        b"",
        b"\0" * 1000,
        b"\x08\xff\xff\xff\xff" * MIB,
        hostile.endless_loop()[:-200],
        bytes(60 * MIB),
        b"a" * (129 * MIB),
    ]
    project_id = await attacker.new_project(_DIGITS)
    await attacker.at_once(_upload(attacker, project_id, model) for model in broken)
    spoilt = {
        "fields": {
            "picture": {"base64": base64.b64encode(_saved("PNG", Image.new("L", (8, 8), hostile.SEVEN))).decode()}
        }
    }

    async def one(model: bytes) -> None:
        project, model_id = await _with_model(attacker, model)
        path, asked = f"/projects/{project}/predictions", {"model_id": model_id, "items": [spoilt]}
        for _ in range(_UNTIL_SET_ASIDE):
            await attacker.at_once(
                attacker.send("prelabel", "POST", path, asked, own_fault=_OF_A_HOSTILE_MODEL) for _ in range(3)
            )

    await attacker.at_once(
        one(make()) for make in (hostile.endless_loop, hostile.quadratic_operator, hostile.gigabytes)
    )


_DIGITS: Final[Mapping[str, Any]] = {
    "fields": [{"name": "picture", "kind": "image"}],
    "questions": [{"name": "digit", "kind": "choice", "labels": [str(digit) for digit in range(10)]}],
}
_MANIFEST: Final = {
    "task": "image_classification", "schema_version": 1, "question": "digit", "field": "picture",
    "labels": [str(digit) for digit in range(10)], "input_name": "input", "output_name": "probabilities",
    "width": 8, "height": 8,
}  # fmt: skip


async def _with_model(attacker: Attacker, model: bytes) -> tuple[str, str]:
    project_id = await attacker.new_project(_DIGITS)
    for _ in range(100):
        status, body = await _upload(attacker, project_id, model)
        if status in {200, 201}:
            return project_id, str(json.loads(body)["model_id"])
        await asyncio.sleep(0.2)
    raise RuntimeError(f"the model was not taken: {status} {body[:300]!r}")


async def _upload(attacker: Attacker, project_id: str, model: bytes) -> tuple[int, bytes]:
    form = aiohttp.FormData()
    form.add_field("model", model, filename="model.onnx", content_type="application/octet-stream")
    form.add_field("manifest", json.dumps(_MANIFEST))
    answer = await attacker.send("prelabel", "POST", f"/projects/{project_id}/models", form)
    return answer.status, answer.body


# Lists


async def lists(attacker: Attacker) -> None:
    """Every list from page to page, with the largest page, odd cursors and filters, many at once."""
    records = [{"fields": {"text": f"a text {number} of a list"}} for number in range(_LISTED)]
    project_id = await _annotate(attacker, _TEXT, records, _of_its_number, people=1)
    await attacker.labelled(project_id, _LISTED)
    labels = await attacker.must("qa", "GET", f"/projects/{project_id}/labels?limit=1")
    record_id = labels["items"][0]["record_id"]
    nobody = "00000000-0000-7000-8000-000000000000"
    places = {
        "ingest": ["/projects", f"/projects/{project_id}/records", "/events", "/jobs"],
        "prelabel": [f"/projects/{project_id}/{noun}" for noun in ("models", "training-runs", "batches", "learning", "drift")]
        + ["/events", "/jobs", f"/records/{record_id}/predictions", f"/records/{nobody}/predictions"],
        "queue": ["/annotators", f"/projects/{project_id}/annotators", f"/projects/{project_id}/progress", "/events"],
        "qa": [
            f"/projects/{project_id}/{noun}"
            for noun in ("records", "labels", "disputes", "annotations", "gold", "releases", "seals", "drifts",
                         "assessments", "thresholds", "summary", "agreement")
        ] + ["/events", "/jobs", f"/records/{record_id}/lineage", f"/records/{nobody}/lineage"],
    }  # fmt: skip
    queries = [
        "?limit=1000", "?limit=1000000000", "?limit=-1", "?after=%00", "?after=" + "A" * 2000, "?after=bnVsbA",
        "?limit=1000&after=WyJ4IiwgMV0", "?limit=1&limit=2", "?state=%F0%9F%98%80", "?" + "a=b&" * 5000,
        "?after=0&limit=1000", "?topic=" + "x" * 5000, "?external_id=" + "y" * 5000,
    ]  # fmt: skip
    for _ in range(3):
        await attacker.at_once(
            attacker.send(service, "GET", path + query)
            for service, paths in places.items()
            for path, query in itertools.product(paths, queries)
        )
    listed = [("ingest", "records"), ("qa", "records"), ("qa", "labels"), ("qa", "annotations")]
    read = await attacker.at_once(
        _pages(attacker, service, f"/projects/{project_id}/{noun}") for service, noun in listed * 5
    )
    attacker.faults += [
        f"{noun} of {service}: {count} of {_LISTED} came page by page"
        for (service, noun), count in zip(listed * 5, read, strict=True)
        if count != _LISTED
    ]


async def _pages(attacker: Attacker, service: str, path: str) -> int:
    """Read a list to its end in small pages; returns how many items it had."""
    count, cursor = 0, ""
    while True:
        page = await attacker.must(service, "GET", f"{path}?limit=10{cursor}")
        count += len(page["items"])
        if "next" not in page:
            return count
        cursor = f"&after={page['next']}"


# Jobs


async def jobs(attacker: Attacker) -> None:
    """Recounts, releases and trainings of crowded records, asked for 100 times at once; some are cancelled."""
    schema = {"fields": [_TEXT_FIELD], "questions": [*_TEXT["questions"], _SPANS]}
    words = "the lamp that never came " * 30
    apart = [{"start": 2 * at, "end": 2 * at + 2, "label": "PER"} for at in range(_CROWDED_SPANS)]
    records = [{"fields": {"text": f"{words}{number}"}} for number in range(_CROWDED)]

    def drawn(person: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        return _of_its_number(person, fields) | {"seen": {"spans": apart}}

    project_id = await _annotate(attacker, schema, records, drawn, people=2)
    await attacker.labelled(project_id, _CROWDED)
    for wave, kept in enumerate((_JOBS_KEPT, 0)):
        asked = await _ask_for_jobs(attacker, project_id, f"wave {wave}")
        for service, ids in asked.items():
            cancelled = ids[kept:] * 2
            await attacker.at_once(attacker.send(service, "POST", f"/jobs/{one}/cancellation") for one in cancelled)
        ended = await attacker.at_once(attacker.ended(service, one) for service, ids in asked.items() for one in ids)
        succeeded = Counter(job["kind"] for job in ended if job["state"] == "succeeded")
        counted = [job["result"]["records"] for job in ended if "records" in (job["result"] or {})]
        if kept and (len(succeeded) != _KINDS_OF_JOBS or set(counted) != {_CROWDED}):
            attacker.faults.append(f"jobs found nothing to do: {succeeded}, records {counted}")


async def _ask_for_jobs(attacker: Attacker, project_id: str, name: str) -> dict[str, list[str]]:
    """Ask for each kind of job 100 times at once; returns the jobs of each service, each once."""
    base = f"/projects/{project_id}"
    asked = await attacker.at_once(
        itertools.chain(
            (attacker.send("qa", "POST", f"{base}/agreement/recount") for _ in range(100)),
            (attacker.send("qa", "POST", f"{base}/releases", {"name": f"{name} {number}"}) for number in range(100)),
            (attacker.send("prelabel", "POST", f"{base}/training-runs", {"reason": "again"}) for _ in range(100)),
        )
    )
    return {
        service: list(dict.fromkeys(answer.json["job_id"] for answer in answers if answer.status == 202))
        for service, answers in (("qa", asked[:200]), ("prelabel", asked[200:]))
    }


def _of_its_number(_: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Everybody says the same of a text, and not of every text."""
    number = int(re.findall(r"\d+", fields["text"])[-1])
    return {"topic": {"label": "ham" if number % 2 else "spam"}}


# Uploads and connections


async def uploads(attacker: Attacker) -> None:
    """Bodies that come slowly, that end too early, that are too large, and many that are as large as may be."""
    project_id = await attacker.new_project(_TEXT)
    records, assets = f"/projects/{project_id}/records", f"/projects/{project_id}/assets"

    async def slowly(piece: bytes, pieces: int, pause_s: float) -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield piece
            await asyncio.sleep(pause_s)

    large = b'{"records": [{"fields": {"text": "' + b"a" * (15 * MIB) + b'"}}]}'
    line = b'{"fields": {"text": "' + b"a" * (15 * MIB)
    await attacker.at_once(attacker.send("ingest", "POST", records, large) for _ in range(40))
    await attacker.at_once(attacker.send("ingest", "POST", records, line, media_type=NDJSON) for _ in range(40))
    await attacker.at_once(
        attacker.send("ingest", "POST", assets, bytes(19 * MIB), media_type="image/png") for _ in range(30)
    )
    await attacker.at_once(
        itertools.chain(
            (
                attacker.send("ingest", "POST", records, slowly(line[:MIB], 14, 0.5), media_type=NDJSON)
                for _ in range(30)
            ),
            (
                attacker.send("ingest", "POST", assets, slowly(bytes(MIB), 30, 0.2), media_type="image/png")
                for _ in range(10)
            ),
            (
                attacker.send("prelabel", "POST", f"/projects/{project_id}/predictions", slowly(b" " * MIB, 14, 0.5))
                for _ in range(20)
            ),
        )
    )
    head = (
        f"POST /v1{records} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {attacker.suspect.admin}\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    async with attacker.connections("ingest", 40) as writers:
        for number, writer in enumerate(writers):
            writer.write((head % (10**12 if number % 2 else 16_000_000)).encode() + large[: MIB * (number % 14)])
        await asyncio.sleep(1.0)


async def open_connections(attacker: Attacker) -> None:
    """Headers that never end, that are large, and connections that send nothing."""
    for service in attacker.suspect.urls:
        async with attacker.connections(service, 300) as writers:
            for writer in writers[:200]:
                writer.write(b"GET /v1/projects HTTP/1.1\r\nHost: x\r\nX-A: ")
            for _ in range(20):
                for writer in writers[:200]:
                    writer.write(b"a" * 300)
                await asyncio.sleep(0.1)
            for writer in writers[200:250]:
                writer.write(b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 20_000)
            await asyncio.sleep(0.5)


async def large_headers(attacker: Attacker) -> None:
    """Headers of a megabyte each, one after the other, as long as the service reads them; 200 MB on each of 4 connections."""
    for service in attacker.suspect.urls:
        async with attacker.connections(service, 4) as writers:
            for writer in writers:
                writer.write(b"GET /live HTTP/1.1\r\nHost: x\r\n")
            for writer, _ in itertools.product(writers, range(200)):
                if not writer.is_closing():
                    writer.write(b"X-A: " + b"a" * MIB + b"\r\n")
                    with contextlib.suppress(ConnectionError, TimeoutError):
                        async with asyncio.timeout(1):
                            await writer.drain()


async def open_streams(attacker: Attacker) -> None:
    """Requests that wait for events of each service, and streams of the progress of a job, 50 each, kept open."""
    records = [{"fields": {"text": f"a text {number} of a stream"}} for number in range(4)]
    project_id = await _annotate(attacker, _TEXT, records, _of_its_number, people=1)
    await attacker.labelled(project_id, len(records))
    path = f"/projects/{project_id}/releases"
    asked = await attacker.at_once(attacker.send("qa", "POST", path, {"name": f"r{number}"}) for number in range(_OPEN))
    job_id = asked[-1].json["job_id"]
    events = f"/events?wait_s={_LONGEST_WAIT_S}&after={2**62}"
    progress = f"/jobs/{job_id}/progress?timeout_s={_LONGEST_WAIT_S}"
    opened: list[Answer] = await attacker.at_once(
        attacker.send(service, "GET", path, reader=first + number % (READERS // 2))
        for service, path, first in (
            *((one, events, 0) for one in attacker.suspect.urls),
            ("qa", progress, READERS // 2),
        )
        for number in range(_OPEN)
    )
    refused = Counter(answer.status for answer in opened if answer.status != 200)
    if refused:
        attacker.faults.append(f"of {len(opened)} streams were not opened: {dict(refused)}")


async def _annotate(
    attacker: Attacker,
    schema: Mapping[str, Any],
    records: list[Any],
    drawn: Callable[[int, Mapping[str, Any]], dict[str, Any]],
    people: int = PEOPLE,
) -> str:
    """So many people label every record; returns the project. `drawn` are the answers of a person to what a lease shows."""
    project_id = await attacker.new_project(schema, people=people)
    await attacker.must("ingest", "POST", f"/projects/{project_id}/records", {"records": records})

    async def work(number: int, person: str) -> None:
        for _ in records:
            lease = await attacker.lease(project_id, person)
            body = {"answers": drawn(number, lease["record"]["fields"]), "active_s": 1.0}
            await attacker.send("queue", "PUT", f"/leases/{lease['token']}/annotation", body, person=person)

    await asyncio.gather(*(work(number, person) for number, person in enumerate(_people(attacker)[:people])))
    return project_id


async def _picture_records(count: int) -> list[Any]:
    pictures = [_saved("PNG", Image.new("RGB", (_SIDE, 40), (number, 40, 90))) for number in range(count)]
    return [{"fields": {"image": {"base64": base64.b64encode(picture).decode()}}} for picture in pictures]


def _nested(levels: int) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


def _people(attacker: Attacker) -> list[str]:
    return list(attacker.suspect.people)


ATTACKS: Final[Mapping[str, Attack]] = {
    attack.__name__: attack
    for attack in (
        crowded_boxes, crowded_turned_boxes, crowded_spans, every_label, longest_texts, answers_to_check,
        feedback_of_regions, gold_of_everything, heavy_projects, streams, batches, image_bombs, predicted_bombs, models, lists,
        jobs, uploads, open_connections, large_headers, open_streams,
    )
}  # fmt: skip
