"""The receipt of an erasure: place by place, of every service, as far as they have reported."""

import base64
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from prometheus_client import REGISTRY

from shared.contracts.erasure import ErasedPlace, PlaceState
from shared.contracts.events import AnnotationsErased, ErasureReported, LabelsErased, PredictionsErased
from shared.contracts.values import Role
from shared.kit import backlog, erasures
from shared.kit.clock import utc_now
from tests.service.ingest.conftest import IMAGE_SCHEMA, Ingest, png
from tests.support.bus import ListBus
from tests.support.service import envelope

NOW = utc_now()
DONE = ErasedPlace(place="content", state=PlaceState.DONE, done_at=NOW)
WAITS = ErasedPlace(place="models", state=PlaceState.PENDING, reason="learning_off", next_step="Turn it on.")


async def erased_record(ingest: Ingest, reason: str = "consent_withdrawn") -> UUID:
    project_id = await ingest.project()
    record = {"fields": {"message": f"very private {uuid4()}"}}
    record_id = UUID((await ingest.send(project_id, record))["records"][0]["record_id"])
    await erase(ingest, record_id, reason)
    return record_id


async def erase(ingest: Ingest, record_id: UUID, reason: str) -> None:
    answer = await ingest.client.delete(f"/v1/records/{record_id}?reason={reason}", headers=ingest.product)
    assert answer.status_code == 204


async def report(ingest: Ingest, record_id: UUID, payload: ErasureReported, revision: int = 1) -> None:
    await ingest.service.deliver(envelope(payload, uuid4(), record_id, revision))


async def receipt(ingest: Ingest, record_id: UUID) -> dict[str, Any]:
    await erasures.work(ingest.service.runtime, ListBus())
    answer = await ingest.client.get(f"/v1/records/{record_id}/erasure", headers=ingest.product)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def states(found: dict[str, Any], service: str) -> dict[str, str]:
    return {place["place"]: place["state"] for place in found["places"] if place["service"] == service}


async def test_a_receipt_says_when_why_and_until_when(ingest: Ingest) -> None:
    record_id = await erased_record(ingest)
    found = await receipt(ingest, record_id)
    assert (found["record_id"], found["because"], found["done"]) == (str(record_id), "consent_withdrawn", False)
    asked, until = (datetime.fromisoformat(found[name]) for name in ("asked_at", "until"))
    assert until - asked == timedelta(days=ingest.service.settings.event_retention_days + 1)
    assert {"content": "done", "names": "done", "files": "done"}.items() <= states(found, "ingest").items()
    assert states(found, "qa") == {"service": "pending"}, "it has not reported yet"
    assert found["beyond"]


async def test_reports_of_the_other_services_complete_it(ingest: Ingest) -> None:
    record_id = await erased_record(ingest)
    for payload in (AnnotationsErased, LabelsErased):
        await report(ingest, record_id, payload(erased_at=NOW, places=[DONE]))
    await report(ingest, record_id, PredictionsErased(erased_at=NOW, places=[DONE]), revision=2)
    await report(ingest, record_id, PredictionsErased(erased_at=NOW, places=[DONE, WAITS]), revision=1)
    found = await receipt(ingest, record_id)
    assert states(found, "prelabel") == {"content": "done"}, "the report before comes too late"
    await report(ingest, record_id, PredictionsErased(erased_at=NOW, places=[DONE, WAITS]), revision=3)
    found = await receipt(ingest, record_id)
    [waits] = [place for place in found["places"] if place["place"] == "models"]
    assert (waits["service"], waits["reason"], waits["next_step"]) == ("prelabel", "learning_off", "Turn it on.")


LEFT = ErasedPlace(place="releases", state=PlaceState.LEFT, done_at=None)


async def test_a_receipt_is_done_only_when_every_place_is(ingest: Ingest) -> None:
    record_id = await erased_record(ingest)
    found = await receipt(ingest, record_id)
    assert (found["done"], found["state"]) == (False, "pending")
    assert datetime.fromisoformat(found["until"]) > utc_now()
    for payload in (AnnotationsErased, PredictionsErased):
        await report(ingest, record_id, payload(erased_at=NOW, places=[DONE]))
    await report(ingest, record_id, LabelsErased(erased_at=NOW, places=[DONE, LEFT]))
    async with ingest.service.database.transaction() as session:  # as once everybody has read the events
        await session.raw.execute("UPDATE erasures SET outbox_at = erased_at, bus_at = erased_at, look_at = erased_at")
    found = await receipt(ingest, record_id)
    assert (found["done"], found["state"]) == (False, "left"), "who fetched a release has it"
    assert datetime.fromisoformat(found["until"]) <= utc_now(), "nothing is waited for"
    await report(ingest, record_id, LabelsErased(erased_at=NOW, places=[DONE]), revision=2)
    found = await receipt(ingest, record_id)
    assert (found["done"], found["state"]) == (True, "done")
    assert datetime.fromisoformat(found["until"]) <= utc_now()


async def test_files_are_done_once_they_are_deleted(ingest: Ingest) -> None:
    project_id = await ingest.project(IMAGE_SCHEMA)
    image = base64.b64encode(png(77)).decode()
    sent = await ingest.send(project_id, {"fields": {"image": {"base64": image}}})
    record_id = UUID(sent["records"][0]["record_id"])
    await erase(ingest, record_id, "request")
    found = await receipt(ingest, record_id)
    assert states(found, "ingest")["files"] == "pending"
    await ingest.service.run_loop("sweep_assets")
    async with ingest.service.database.transaction() as session:
        await erasures.look_again(session, [project_id], utc_now())
    assert states(await receipt(ingest, record_id), "ingest")["files"] == "done"


async def test_only_who_may_erase_reads_it_and_only_of_what_is_erased(ingest: Ingest) -> None:
    record_id = await erased_record(ingest)
    path = f"/v1/records/{record_id}/erasure"
    stranger = ingest.service.token(Role.MANAGER, projects=[uuid4()])
    for headers in (stranger, ingest.service.token(Role.ANNOTATOR), ingest.service.token(Role.AUDITOR)):
        assert (await ingest.client.get(path, headers=headers)).status_code == 403
    project_id = await ingest.project()
    alive = (await ingest.send(project_id, {"fields": {"message": "alive"}}))["records"][0]["record_id"]
    answer = await ingest.client.get(f"/v1/records/{alive}/erasure", headers=ingest.product)
    assert (answer.status_code, answer.json()["type"]) == (404, "not-erased")


async def test_a_reason_in_free_text_is_not_kept(ingest: Ingest) -> None:
    found = await receipt(ingest, await erased_record(ingest, "Jane Roe asked for it"))
    assert found["because"] == "other"


def pending_and_age(name: str) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["waits_for"], sample.labels["place"]): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == name
    }


async def measured(ingest: Ingest) -> Counter[tuple[str, str]]:
    """How many erased records are pending, by service and place."""
    await backlog.measure(ingest.service.database, "ingest", ingest.service.runtime.spec.erasure)
    return Counter({where: int(value) for where, value in pending_and_age("touchstone_erasures_pending").items()})


async def test_an_erasure_is_measured_before_anything_has_worked_on_it_until_every_place_is_done(
    ingest: Ingest,
) -> None:
    """No loop, relay or consumer has a part in it: of a service that hangs, or reports nothing, it says so."""
    before = await measured(ingest)
    record_id = await erased_record(ingest)
    unreported = Counter(dict.fromkeys([(name, "service") for name in ("ingest", "prelabel", "queue", "qa")], 1))
    assert await measured(ingest) - before == unreported

    for payload, places in ((AnnotationsErased, [DONE]), (LabelsErased, [DONE]), (PredictionsErased, [DONE, WAITS])):
        await report(ingest, record_id, payload(erased_at=NOW, places=places))
    await receipt(ingest, record_id)  # nothing is sent, so ingest's own outbox and bus wait
    left = await measured(ingest) - before
    assert left == Counter(dict.fromkeys([("ingest", "outbox"), ("ingest", "bus"), ("prelabel", "models")], 1))
    assert 0 < pending_and_age("touchstone_erasures_oldest_pending_seconds")["prelabel", "models"] < 3600

    await report(ingest, record_id, PredictionsErased(erased_at=NOW, places=[DONE]), revision=2)
    assert ("prelabel", "models") not in await measured(ingest) - before
