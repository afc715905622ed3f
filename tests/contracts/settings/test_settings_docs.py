"""docs/settings.md says what the settings classes say."""

import pytest

from deploy.embedded.supervisor import SERVICES
from deploy.settings_docs import TARGET, render, settings_class


def test_the_page_has_not_drifted() -> None:
    assert TARGET.read_text() == render(), "run `make settings-docs`"


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_says_what_it_means(service: str) -> None:
    silent = [name for name, field in settings_class(service).model_fields.items() if not field.description]
    assert silent == []
