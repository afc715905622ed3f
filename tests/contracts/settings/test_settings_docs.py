"""docs/settings.md agrees with the settings classes."""

import pytest

from deploy.settings_docs import TARGET, render, settings_class
from shared.contracts.services import SERVICE_NAMES


def test_the_page_has_not_drifted() -> None:
    assert TARGET.read_text() == render(), "run `make settings-docs`"


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_every_setting_has_a_description(service: str) -> None:
    silent = [name for name, field in settings_class(service).model_fields.items() if not field.description]
    assert silent == []
