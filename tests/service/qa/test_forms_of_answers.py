"""qa takes answers in the forms that queue takes them in, and shows text offsets in the unit that is asked for."""

import unicodedata
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from shared.contracts.answers import LabelSchema
from shared.contracts.values import Role
from shared.kit.clock import new_id
from tests.service.qa.test_verify_lineage import downloaded, verified
from tests.service.qa.world import World
from tests.support.service import ServiceUnderTest

CAFE = "Café"
TEXT = "👩🏽‍🔬 met 𠮷野家"
SCHEMA = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "names", "kind": "spans", "field": "text", "labels": ["PER", CAFE]}],
    }
)
SHOP, HER = (TEXT.index("𠮷"), len(TEXT)), (0, 4)


def spans(*places: tuple[int, int], label: str = CAFE) -> dict[str, Any]:
    return {"names": {"spans": [{"start": start, "end": end, "label": label} for start, end in places]}}


def utf16(*places: tuple[int, int], label: str = CAFE) -> dict[str, Any]:
    def units(offset: int) -> int:
        return len(TEXT[:offset].encode("utf-16-le")) // 2

    return spans(*[(units(start), units(end)) for start, end in places], label=label)


@pytest.fixture
async def texts(qa: ServiceUnderTest) -> World:
    world = World(qa, schemas=(SCHEMA,))
    await world.deliver(world.project())
    return world


async def opened(world: World) -> UUID:
    record_id = new_id()
    await world.deliver(world.accepted(record_id, fields={"text": TEXT}), world.routed(record_id, 2))
    return record_id


async def test_gold_comes_in_either_unit_and_is_shown_in_either(texts: World) -> None:
    record_id, other = await opened(texts), await opened(texts)
    project = f"/projects/{texts.project_id}"
    path = f"{project}/records/{record_id}/gold"
    decomposed = unicodedata.normalize("NFD", CAFE)
    placed = await texts.put(path, {"answers": utf16(SHOP, label=decomposed), "offset_unit": "utf16"})
    assert placed["answers"] == utf16(SHOP)
    again = await texts.put(path, {"answers": spans(SHOP)})
    assert (again["answers"], again["gold_revision"]) == (spans(SHOP), placed["gold_revision"])
    assert (await texts.get(path))["answers"] == spans(SHOP)
    assert (await texts.get(path, offset_unit="utf16"))["answers"] == utf16(SHOP)
    batch = [{"record_id": str(other), "answers": utf16(HER, SHOP), "offset_unit": "utf16"}]
    assert (await texts.post(f"{project}/gold", {"gold": batch}))["placed"] == 1
    listed = (await texts.get(f"{project}/gold", offset_unit="utf16"))["items"]
    assert {one["record_id"]: one["answers"] for one in listed} == {
        str(record_id): utf16(SHOP),
        str(other): utf16(HER, SHOP),
    }


async def test_an_offset_inside_a_character_is_refused_with_its_place(texts: World) -> None:
    path = f"/projects/{texts.project_id}/records/{await opened(texts)}/gold"
    refused = await texts.put(path, {"answers": spans((1, 4)), "offset_unit": "utf16"}, 422)
    [error] = refused["errors"]
    assert (error["pointer"], error["rule"]) == ("/answers/names/spans/0/start", "offset-inside-character")


async def test_labels_disputes_and_lineage_are_shown_in_the_unit_that_is_asked_for(texts: World) -> None:
    record_id = await opened(texts)
    await texts.deliver(texts.annotated(record_id, spans(SHOP)), texts.annotated(record_id, spans(HER), slot=2))
    await texts.deliver(texts.unservable(record_id))
    project = f"/projects/{texts.project_id}"
    for shown, unit in ((spans, "code_points"), (utf16, "utf16")):
        [dispute] = (await texts.get(f"{project}/disputes", offset_unit=unit))["items"]
        assert len(dispute["disputed"]) == 2
        assert all(answers in dispute["disputed"] for answers in (shown(SHOP), shown(HER)))
    await texts.deliver(texts.decided(record_id, spans(SHOP)))
    for shown, unit in ((spans, "code_points"), (utf16, "utf16")):
        assert (await texts.get(f"/records/{record_id}/label", offset_unit=unit))["answers"] == shown(SHOP)
        [label] = (await texts.get(f"{project}/labels", offset_unit=unit))["items"]
        assert label["answers"] == shown(SHOP)
        lineage = await texts.get(f"/records/{record_id}/lineage", offset_unit=unit)
        assert [one["answers"] for one in lineage["labels"]] == [shown(SHOP)]
        assert shown(HER) in [one["answers"] for one in lineage["annotations"]]
        assert "record_id" not in lineage["annotations"][0]
    await texts.deliver(texts.erased(record_id))
    erased = await texts.get(f"/records/{record_id}/lineage", offset_unit="utf16")
    assert erased["labels"][0]["answers"] is None


async def test_a_release_can_be_made_in_utf16_and_verifies(texts: World, tmp_path: Path) -> None:
    record_id = await opened(texts)
    await texts.deliver(texts.annotated(record_id, spans(SHOP)), texts.annotated(record_id, spans(SHOP), slot=2))
    for unit, shown in (("code_points", spans), ("utf16", utf16)):
        made = await texts.post(
            f"/projects/{texts.project_id}/releases", {"name": unit, "splits": ["train"], "offset_unit": unit}, 202
        )
        await texts.service.run_jobs()
        found = await texts.get(f"/releases/{made['release_id']}")
        assert found["manifest"]["options"]["offset_unit"] == unit
        [url] = [one["url"] for one in found["files"] if one["name"] == "train.jsonl"]
        content = (await texts.service.client.get(url, headers=texts.headers(Role.MANAGER))).content
        assert orjson.loads(content)["answers"] == shown(SHOP)
        release = await downloaded(texts, tmp_path, f"again-{unit}", splits=["train"], offset_unit=unit)
        result = verified(release)
        assert result.exit_code == 0, result.output
