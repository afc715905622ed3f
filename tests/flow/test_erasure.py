"""An erased record is out of every place where a search can find it, and its receipt says so, place by place."""

from collections.abc import Mapping
from typing import Any

import pytest

from deploy.demo.client import Client, Refused
from deploy.embedded.supervisor import Suite
from shared.contracts.services import BUS_DATABASE, SERVICE_NAMES
from tests.flow.test_one_record import POLICIES, texts, tone_of
from tests.support import loop as loops
from tests.support import traces
from tests.support.loop import CROWD, Loop
from tests.support.waiting import until

MARK = "Zyxqvornak"
"""Stands in nothing but what is erased."""
MARKED = [f"What a {word} {MARK} this is, number {number}" for number in range(5) for word in ("lovely", "awful")]
SCHEMA = {
    "fields": [{"name": "text", "kind": "text"}],
    "questions": [{"name": "tone", "kind": "choice", "labels": ["praise", "blame"]}],
}
LEARNING = {"cold_start": 24, "batch_size": 12, "random_share": 0.2, "promotion_held_out": 4}
LEARNING_S = 150.0
ERASED_S = 150.0

pytestmark = pytest.mark.timeout(480)


class _Annotators(Loop):
    """They put the mark wherever people may write of a marked record: drafts, the reasons of skips and of decisions.

    They don't agree on the last ones, and dot skips the first ones.
    """

    async def submit_answer(
        self, subject: str, lease: Mapping[str, Any], answer: Mapping[str, Any], **more: Any
    ) -> Any:
        text, path, token = lease["record"]["fields"]["text"], f"/leases/{lease['token']}", self.tokens[subject]
        if MARK in text:
            draft = {"tone": dict(answer), "thought": {"text": f"is it the {MARK}?"}}
            await self.call("queue", "PUT", f"{path}/draft", token, body={"answers": draft})
            more = dict.fromkeys(more, f"it is the {MARK}")
            if text.endswith("0") and subject == "dot":
                return await self.call("queue", "POST", f"{path}/skip", token, body={"reason": f"what is a {MARK}?"})
            if text.endswith("4"):
                answer = {"label": "praise" if subject in {"ann", "cid"} else "blame"}
        return await super().submit_answer(subject, lease, answer, **more)


@pytest.fixture(scope="module")
async def loop(client: Client, suite: Suite) -> Loop:
    """A project whose champion learnt from marked records, in all the ways that a mark can come in."""
    body = {
        "name": "Tone",
        "schema": SCHEMA,
        "guideline": "Praise or blame?",
        "policies": POLICIES | {"learning": LEARNING},
    }
    made = await loops.open_project(client, suite, body, "tone", tone_of)
    annotators = _Annotators(
        client, suite, made.manager, made.product, made.project_id, made.question, made.right, made.tokens
    )
    records = [
        {
            "external_id": text,
            "fields": {"text": text},
            "slice": {"kind": MARK if MARK in text else "plain"},
            "purposes": [f"study of {MARK}" if MARK in text else "quality"],
        }
        for text in (*texts()[:24], *MARKED)
    ]
    await annotators.call(
        "ingest", "POST", f"/projects/{made.project_id}/records", made.product, body={"records": records}
    )

    async def learnt() -> bool:
        await annotators.answer_everything(*CROWD, "eve")
        champion = await annotators.champion()
        return champion is not None and await _knows(annotators, champion["model_id"])

    await until(learnt, LEARNING_S)
    return annotators


async def _marked(loop: Loop) -> list[str]:
    path = f"/projects/{loop.project_id}/records?limit=500"
    page = await loop.call("ingest", "GET", path)
    return [item["record_id"] for item in page["items"] if MARK in (item["external_id"] or "")]


async def _knows(loop: Loop, model_id: str) -> bool:
    """Whether the mark is a term of the model."""
    return traces.holds((loop.suite.data_dir / "objects" / "models" / model_id).read_bytes(), MARK)


async def _skip(loop: Loop, record_ids: list[str]) -> None:
    """Somebody skips a marked record with a reason that holds the mark, and gold has a note with it."""
    gold = {"answers": {"tone": {"label": "praise"}}, "note": f"everybody knows {MARK}"}
    path = f"/projects/{loop.project_id}/records/{record_ids[0]}/gold"
    await loop.call("qa", "PUT", path, body=gold)
    await loop.call("qa", "DELETE", f"{path}?reason=the%20{MARK}%20was%20doubted")
    report = {
        "record_id": record_ids[1], "verdict": "corrected",
        "correction": {"tone": {"label": "blame"}},
    }  # fmt: skip
    await loop.call(
        "ingest", "POST", f"/projects/{loop.project_id}/feedback", loop.product, body={"feedback": [report]}
    )


async def _release(loop: Loop) -> str:
    path = f"/projects/{loop.project_id}/releases"
    asked = await loop.call("qa", "POST", path, body={"name": "before"})
    release_id = asked["release_id"]

    async def published() -> bool:
        return bool((await loop.call("qa", "GET", f"/releases/{release_id}"))["status"] == "published")

    await until(published, 30.0)
    return str(release_id)


async def _traces(suite: Suite) -> list[str]:
    found = []
    for service in SERVICE_NAMES:
        found += [f"{service} {one}" for one in await traces.in_database(suite.database_url(service), MARK)]
    if suite.bus_url.startswith("postgres"):
        found += await traces.in_database(suite.postgres.url(BUS_DATABASE), MARK)
    return found + traces.in_files([suite.data_dir / "objects", suite.data_dir / "logs"], MARK)


async def _events(loop: Loop, service: str) -> list[Any]:
    """All that the service has published, also of other projects."""
    found: list[Any] = []
    after: int | None = 0
    while after is not None:
        page = await loop.call(service, "GET", f"/events?limit=1000&after={after}")
        found += page["items"]
        after = page.get("next")
    return found


async def test_nothing_of_an_erased_record_is_found_and_the_receipt_says_so(loop: Loop, suite: Suite) -> None:
    marked = await _marked(loop)
    assert len(marked) == len(MARKED)
    release_id = await _release(loop)
    await _skip(loop, marked)
    assert await _traces(suite)
    old = await loop.champion()
    assert old is not None

    for record_id in marked:
        await loop.call("ingest", "DELETE", f"/records/{record_id}?reason={MARK}%20asked", loop.product)

    receipts: dict[str, Any] = {}

    async def erased() -> bool:
        await loop.answer_everything(*CROWD, "eve")
        for record_id in marked:
            receipts[record_id] = await loop.call("ingest", "GET", f"/records/{record_id}/erasure", loop.product)
        waits = {
            (place["service"], place["place"])
            for receipt in receipts.values()
            for place in receipt["places"]
            if place["state"] == "pending"
        }
        # A broker drops what it has by age alone: until then the receipt says when that is.
        return waits <= ({(name, "bus") for name in SERVICE_NAMES} if suite.bus_url.startswith("kafka") else set())

    await until(erased, ERASED_S)
    assert await _traces(suite) == []
    for receipt in receipts.values():
        assert receipt["because"] == "other"
        assert {place["service"] for place in receipt["places"]} == set(SERVICE_NAMES)
    left = {
        one
        for receipt in receipts.values()
        for place in receipt["places"]
        if place["state"] == "left"
        for one in place["ids"]
    }
    assert release_id in left

    # the model that learnt from it is replaced, its file is gone, and nobody can have it again
    champion = await loop.champion()
    assert champion is not None
    assert champion["model_id"] != old["model_id"]
    with pytest.raises(Refused) as refused:
        await loop.call("prelabel", "GET", f"/models/{old['model_id']}/artifact")
    assert refused.value.status == 410
    for service in SERVICE_NAMES:
        assert not traces.holds(str(await _events(loop, service)).encode(), MARK)
