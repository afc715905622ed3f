"""What a project that holds personal data has of content takes a role of its own."""

from shared.contracts.policies import Policies
from shared.contracts.values import Role
from tests.service.qa.world import World


async def test_labels_gold_and_lineage_of_such_a_project_take_the_role(world: World) -> None:
    record_id = await world.finalized()
    world.policies = Policies.model_validate(
        world.policies.model_dump() | {"deidentification": {"kept": ["EMAIL", "PHONE"]}}
    )
    await world.deliver(world.project())
    project, record = f"/v1/projects/{world.project_id}", f"/v1/records/{record_id}"
    content = [f"{project}/{name}" for name in ("labels", "records", "disputes", "annotations", "gold", "releases")]
    client = world.service.client
    for path in [*content, f"{record}/label", f"{record}/lineage"]:
        refused = await client.get(path, headers=world.headers(Role.AUDITOR))
        assert (refused.status_code, refused.json()["type"]) == (403, "wrong-role"), path
        assert "personal_data" in refused.json()["detail"]
        allowed = await client.get(path, headers=world.headers(Role.AUDITOR, Role.PERSONAL_DATA))
        assert allowed.status_code == 200, path
    assert (await client.get(f"{project}/summary", headers=world.headers(Role.AUDITOR))).status_code == 200
