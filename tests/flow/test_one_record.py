"""One record once round the loop, through four processes that talk only through events; a deadline for each step."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from deploy.demo.client import Client
from deploy.embedded.supervisor import Suite
from tests.support import loop as loops
from tests.support.loop import CROWD, Loop
from tests.support.waiting import until

STEP_S = 20.0
TRAINING_S = 60.0
LABELS = ("praise", "blame")
PLANTED = "ann.lee@example.org"
SCHEMA = {
    "fields": [{"name": "text", "kind": "text"}],
    "questions": [{"name": "tone", "kind": "choice", "labels": list(LABELS)}],
}
POLICIES = {
    "split": {"train": 0.6, "validation": 0.25, "test": 0.15},
    "redundancy": {"without_model": 2, "with_model": 1, "held_out": 2, "maximum": 3, "posterior_target": 0.9},
    "learning": {"cold_start": 12, "batch_size": 6, "random_share": 0.2, "promotion_held_out": 4},
    "auto_accept": {"enabled": False},
    "gold": {"entry_test": 0, "share": 0.0},
    "serving": {"lease_ttl_s": 120, "blind_share": 0.0},
}
GOOD = ("lovely", "splendid", "wonderful", "delightful")
BAD = ("dreadful", "awful", "terrible", "horrid")
THINGS = ("lamp", "chair", "table", "kettle", "carpet", "mirror", "clock", "teapot")


def texts() -> list[str]:
    return [
        f"What a {word} {thing} this is"
        for thing, words in itertools.product(THINGS, zip(GOOD, BAD, strict=True))
        for word in words
    ]


def tone_of(text: str) -> str:
    return "praise" if any(word in text for word in GOOD) else "blame"


async def open_project(client: Client, suite: Suite, policies: Mapping[str, Any]) -> Loop:
    body = {"name": "Tone", "schema": SCHEMA, "guideline": "Praise or blame?", "policies": policies}
    return await loops.open_project(client, suite, body, "tone", tone_of)


@pytest.fixture(scope="module")
async def loop(client: Client, suite: Suite) -> Loop:
    """A project with a champion: people answered, a challenger was trained and promoted."""
    made = await open_project(client, suite, POLICIES)
    await made.send(*texts())

    async def promoted() -> bool:
        await made.answer_everything(*CROWD, "eve")
        return await made.champion() is not None

    await until(promoted, TRAINING_S)
    return made


async def test_one_record_goes_round_the_loop(loop: Loop) -> None:
    # collected and de-identified
    sent = f"What a splendid sofa this is, says {PLANTED}"
    (record_id,) = await loop.send(sent)
    kept = await loop.call("ingest", "GET", f"/records/{record_id}")
    assert PLANTED not in str(kept["fields"])

    # pre-labelled by the champion, routed, leased
    subject, lease = await loop.served(record_id, CROWD)
    assert PLANTED not in str(lease)
    assert lease["kind"] == "annotation"

    # annotated, agreed, finalized
    await loop.submit(subject, lease, "praise")
    await until(_labelled(loop, record_id, revision=1, others=CROWD), STEP_S)
    label = await loop.label(record_id)
    assert label is not None
    assert label["answers"] == {"tone": {"label": "praise"}}

    # contradicted by deployment feedback: under review, labelled again
    report = {"record_id": record_id, "verdict": "corrected", "correction": {"tone": {"label": "blame"}}}
    await loop.call(
        "ingest", "POST", f"/projects/{loop.project_id}/feedback", loop.product, body={"feedback": [report]}
    )
    await until(_labelled(loop, record_id, revision=2, others=(*CROWD, "eve")), STEP_S)
    again = await loop.label(record_id)
    assert again is not None
    assert again["under_review"] is False

    # and how it came to be is shown
    lineage = await loop.call("qa", "GET", f"/records/{record_id}/lineage")
    assert PLANTED not in str(lineage)


async def test_a_dispute_is_decided_by_an_arbiter(client: Client, suite: Suite) -> None:
    two_each = {"without_model": 2, "with_model": 2, "held_out": 2, "maximum": 2}
    loop = await open_project(client, suite, POLICIES | {"redundancy": two_each, "learning": {"enabled": False}})
    (record_id,) = await loop.send("What a splendid but awful bench this is")
    for tone in LABELS:
        subject, lease = await loop.served(record_id, CROWD)
        await loop.submit(subject, lease, tone)
    subject, lease = await loop.served(record_id, (*CROWD, "eve"))
    assert (subject, lease["kind"]) == ("eve", "arbitration")
    assert {given["tone"]["label"] for given in lease["disputed"]} == set(LABELS)
    await loop.submit(subject, lease, "blame", reason="The bench is awful.")
    await until(_labelled(loop, record_id, revision=1, others=()), STEP_S)
    label = await loop.label(record_id)
    assert label is not None
    assert (label["method"], label["answers"]) == ("decision", {"tone": {"label": "blame"}})


def _labelled(loop: Loop, record_id: str, revision: int, others: tuple[str, ...]) -> Callable[[], Any]:
    async def check() -> bool:
        await loop.answer_everything(*others)
        label = await loop.label(record_id)
        return label is not None and label["label_revision"] >= revision

    return check
