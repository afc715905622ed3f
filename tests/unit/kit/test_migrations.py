"""Which revision a service needs is read without Alembic, as Alembic would."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from shared.contracts.services import SERVICE_NAMES, package_of
from shared.kit import migrations

PACKAGES = (*map(package_of, SERVICE_NAMES), "tests.service.kit.tiny")


@pytest.mark.parametrize("service", PACKAGES)
def test_the_newest_revision_is_alembic_s_head(service: str) -> None:
    head = ScriptDirectory.from_config(migrations.config(service)).get_current_head()
    assert migrations.newest_revision(service) == head


def test_of_a_chain_the_last_one_is_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "versions").mkdir()
    chain = [("0001", "None"), ("0002", '"0001"'), ("0003", "'0002'")]
    for revision, before in chain:
        text = f'revision = "{revision}"\ndown_revision: str | None = {before}\n'
        (tmp_path / "versions" / f"{revision}.py").write_text(text)
    monkeypatch.setattr(migrations, "_folder", lambda _: tmp_path)
    migrations.newest_revision.cache_clear()
    assert migrations.newest_revision("x") == "0003"
    migrations.newest_revision.cache_clear()
