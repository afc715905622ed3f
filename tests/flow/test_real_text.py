"""People label messages as they are really written, and a model learns from them and is promoted.

Lines written here with what real ones have: words that come again inside a text, upper case, emoji, line breaks, URLs,
scripts without spaces. And real lines, where the data sets lie beside the checkout.
"""

import itertools
import random
from collections.abc import Mapping
from typing import Any

import pytest

from bench._messages import SetName, messages
from deploy.demo.client import Client
from deploy.embedded.supervisor import Suite
from tests.support import loop as loops
from tests.support.left_out import NOT_BESIDE
from tests.support.loop import CROWD, Loop
from tests.support.waiting import until

LEARNT_S = 75.0
LINES = 110
POLICIES: dict[str, Any] = {
    "split": {"train": 0.6, "validation": 0.2, "test": 0.2},
    "redundancy": {"without_model": 1, "with_model": 1, "held_out": 1, "maximum": 2, "posterior_target": 0.51},
    "learning": {"cold_start": 30, "batch_size": 15, "random_share": 0.1, "promotion_held_out": 12},
    "auto_accept": {"enabled": False},
    "gold": {"entry_test": 0, "share": 0.0},
    "serving": {"lease_ttl_s": 120, "blind_share": 0.0},
}
GLAD = (
    "so so so GOOD, thank thank you!!! 😀😀 {}",
    "好 好 好的 很好 {}\nthank you thank you",
    "LOVELY lovely Lovely 👨‍👩‍👧 https://example.org/?q={}&q=lovely",
    "\u201cgood\u201d good\r\n\r\n{} good :-) :-) good",
)
CROSS = (
    "NEVER never again!!! 😡😡 {} never, NEVER",
    "不 不 不好 坏 {}\n\tterrible terrible",
    "Awful awful https://example.org/{}/awful/awful 😡",
    "bad\u00a0bad \u2014 bad {} BAD\u0301 bad :-( :-(",
)


def written() -> dict[str, str]:
    """As many lines as are labelled, with what each of them is."""
    patterns = itertools.cycle(zip(GLAD, CROSS, strict=True))
    pairs = itertools.islice(zip(itertools.count(), patterns, strict=False), LINES // 2)
    return {
        pattern.format(number): label
        for number, pair in pairs
        for pattern, label in zip(pair, ("glad", "cross"), strict=True)
    }


def read(name: SetName) -> dict[str, str]:
    """Some lines of a set with their classes, the same ones every time."""
    found = messages(name)
    if found is None:
        pytest.skip(f"{name} {NOT_BESIDE}")
    distinct = list({message.text.strip(): message.label for message in found}.items())
    random.Random(name).shuffle(distinct)
    return dict(distinct[:LINES])


async def open_project(client: Client, suite: Suite, lines: Mapping[str, str]) -> Loop:
    schema = {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "topic", "kind": "choice", "labels": sorted(set(lines.values()))}],
    }
    body = {"name": "As it is written", "schema": schema, "guideline": "Read it whole.", "policies": POLICIES}
    shown: dict[str, str] = {}
    loop = await loops.open_project(client, suite, body, "topic", shown.__getitem__)
    record_ids = await loop.send(*lines)
    for record_id, label in zip(record_ids, lines.values(), strict=True):
        fields = (await loop.call("ingest", "GET", f"/records/{record_id}"))["fields"]
        shown[fields["text"]] = label  # de-identified, as people see it
    return loop


# What a model learns is the same on either engine of the bus.
@pytest.mark.parametrize("suite", ["postgres"], indirect=True, scope="session")
@pytest.mark.parametrize("name", [None, "sms_spam", "trec_qc"])
async def test_a_model_learns_from_text_as_it_is_written_and_is_promoted(
    client: Client, suite: Suite, name: SetName | None
) -> None:
    loop = await open_project(client, suite, written() if name is None else read(name))

    async def promoted() -> bool:
        await loop.answer_everything(*CROWD, "eve")
        return await loop.champion() is not None

    await until(promoted, LEARNT_S)
    runs = (await loop.call("prelabel", "GET", f"/projects/{loop.project_id}/training-runs"))["items"]
    assert [run["failure"] for run in runs if run["failure"]] == []
    assert (await loop.champion() or {})["evaluation"]["held_out"] >= POLICIES["learning"]["promotion_held_out"]
