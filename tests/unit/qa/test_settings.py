"""qa starts with a key that signs seals, and with no other than the one that it is given."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.qa.settings import QaSettings
from shared.kit.signatures import SigningKey

KEY = "0123456789abcdef" * 4
OTHERS: dict[str, Any] = {
    "database_url": "postgresql://nobody@localhost/nothing",
    "bus_url": "postgresql://nobody@localhost/nothing",
    "objects_url": "memory://",
    "objects_secret": "x" * 32,
    "oidc_issuer": "https://nobody.invalid",
    "actor_secret": "x" * 32,
}


def settings(**given: Any) -> QaSettings:
    return QaSettings(**OTHERS, **given)


def test_the_key_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "seal.key"
    file.write_text(f"{KEY}\n")
    expected = SigningKey.parse(KEY).public.key_id
    assert settings(seal_key=KEY).seal_keys.signing.public.key_id == expected
    assert settings(seal_key_file=file).seal_keys.signing.public.key_id == expected


def test_public_keys_of_before_are_known() -> None:
    old = SigningKey(bytes(32)).public
    keys = settings(seal_key=KEY, seal_public_keys=[old.hex]).seal_keys
    assert set(keys.known) == {old.key_id, SigningKey.parse(KEY).public.key_id}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "one of seal_key and seal_key_file"),
        ({"seal_key": KEY, "seal_key_file": "/nowhere"}, "one of seal_key and seal_key_file"),
        ({"seal_key": "too short"}, "64 hexadecimal digits"),
        ({"seal_key_file": "/nowhere/seal.key"}, "can't be read"),
        ({"seal_key": KEY, "seal_public_keys": ["none"]}, "64 hexadecimal digits"),
    ],
)
def test_it_does_not_start_without_one(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as refused:
        settings(**given)
    assert KEY not in str(refused.value)
