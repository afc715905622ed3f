"""A record with thousands of spans is labelled in seconds, and nobody else waits for it.

The bounds are for a machine that does other things, too; `bench/crowded.py` has the figures of a quiet one. How long an
event loop is held up leaves out the time in which its process waited for a processor, so it has the promised bound.
"""

import asyncio
import math
import re
import time
from collections import Counter
from typing import Any

import httpx
import pytest

from deploy.demo.client import Client
from deploy.embedded.supervisor import Suite
from tests.flow.test_one_record import POLICIES, SCHEMA
from tests.support.loop import CROWD, Loop, open_project
from tests.support.slowness import slowness
from tests.support.waiting import until

SPANS = 2_000
LABEL_S = 20.0
OTHERS_S = 10.0
STALL_S = 2.0
HELD_UP_S = 0.1
TEXT = "the lamp that never came " * (SPANS // 20)
MARKS = {
    "fields": [{"name": "text", "kind": "text"}],
    "questions": [{"name": "marks", "kind": "spans", "field": "text", "labels": ["PER"], "overlapping": True}],
}


def policies(people: int) -> dict[str, Any]:
    each = dict.fromkeys(("without_model", "with_model", "held_out"), people)
    redundancy = each | {"maximum": 3, "posterior_target": 0.6}
    return POLICIES | {"redundancy": redundancy, "learning": {"enabled": False}}


async def labelled_after_s(loop: Loop, record_id: str, within_s: float) -> float:
    began = time.monotonic()

    async def is_there() -> bool:
        return await loop.label(record_id) is not None

    await until(is_there, within_s)
    return time.monotonic() - began


@pytest.mark.parametrize("suite", ["postgres"], indirect=True, scope="session")
async def test_a_crowded_record_is_labelled_soon_and_others_do_not_wait(client: Client, suite: Suite) -> None:
    body = {"name": "Marks", "schema": MARKS, "guideline": "Mark them.", "policies": policies(3)}
    crowded = await open_project(client, suite, body, "marks", lambda _: "")
    body = {"name": "Tone", "schema": SCHEMA, "guideline": "Praise or blame?", "policies": policies(1)}
    other = await open_project(client, suite, body, "tone", lambda _: "praise")
    (record_id,) = await crowded.send(TEXT)
    (other_id,) = await other.send("What a splendid lamp")
    answer = {"spans": [{"start": at, "end": at + 40, "label": "PER"} for at in range(SPANS)]}
    slow = slowness()
    held_up = await stops(suite, HELD_UP_S * slow)
    other_subject, other_lease = await other.served(other_id, CROWD)
    for _ in range(3):
        subject, lease = await crowded.served(record_id, CROWD)
        await crowded.submit_answer(subject, lease, answer)
    await other.submit(other_subject, other_lease, "praise")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(labelled_after_s(crowded, record_id, LABEL_S * slow))
        tasks.create_task(labelled_after_s(other, other_id, OTHERS_S * slow))
        stalls = tasks.create_task(longest_answer_s(crowded, record_id))
    assert stalls.result() < STALL_S * slow
    label = await crowded.label(record_id)
    assert label is not None
    assert len(label["answers"]["marks"]["spans"]) == SPANS
    assert await stops(suite, HELD_UP_S * slow) - held_up == Counter(), "no event loop is held up for long"


_STOPS = re.compile(r'^touchstone_event_loop_held_up_seconds_bucket{.*le="(.+?)".*} (\S+)$', re.MULTILINE)


async def stops(suite: Suite, longer_than_s: float) -> Counter[str]:
    """How often each service's event loop was held up for longer, to the next bound of the histogram."""
    found: Counter[str] = Counter()
    async with httpx.AsyncClient() as client:
        for process in suite.processes:
            up_to = {
                float(bound): float(count)
                for bound, count in _STOPS.findall((await client.get(f"{process.url}/metrics")).text)
            }
            bound = min(each for each in up_to if each >= longer_than_s)
            found[process.name] = int(up_to[math.inf] - up_to[bound])
    return found


async def longest_answer_s(loop: Loop, record_id: str) -> float:
    """The longest that qa took to answer anything until the record's label was there."""
    longest, label = 0.0, None
    while label is None:
        began = time.monotonic()
        label = await loop.label(record_id)
        longest = max(longest, time.monotonic() - began)
        await asyncio.sleep(0.02)
    return longest
