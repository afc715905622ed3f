"""The settings of qa: the shared ones and its own."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, SecretStr, model_validator

from shared.kit.settings import Settings
from shared.kit.signatures import KeyRing, PublicKey, SigningKey


class QaSettings(Settings):
    """What an operator may set for qa."""

    # Statements are constant and find what they read by an index, whatever the statistics say at the moment: a plan that
    # was made while a table was empty must be right when it is full.
    database_session: ClassVar[Mapping[str, str]] = {"enable_seqscan": "off"}

    placeholders: ClassVar[Mapping[str, Any]] = {"seal_key": "0" * 64}

    estimation_interval_s: float = Field(
        default=1.0, gt=0, description="How often annotators are estimated while annotations come, in seconds."
    )
    estimation_share: float = Field(
        default=0.2, gt=0, le=1, description="The share of time the estimation may take; it pauses for the rest."
    )
    estimation_annotations: int = Field(
        default=100_000, ge=1_000, description="How many of a project's newest annotations are estimated from."
    )
    seal_interval_s: float = Field(
        default=10.0, gt=0, description="How often new links of the chains are put under a root, in seconds."
    )
    seal_key: SecretStr | None = Field(
        default=None,
        description="The Ed25519 key that signs seals and releases: 64 hexadecimal digits (`openssl rand -hex 32`).",
    )
    seal_key_file: Path | None = Field(
        default=None, description="A file that holds it; one of both is required, and no database may hold it."
    )
    seal_public_keys: list[str] = Field(
        default_factory=list,
        description="Public keys that signed before, 64 hexadecimal digits each (JSON list): what they signed still verifies.",
    )
    download_ttl_s: int = Field(
        default=3600, ge=1, le=604_800, description="How long the URL of a release's file is good, in seconds."
    )

    @model_validator(mode="after")
    def _signs_seals(self) -> Self:
        if (self.seal_key is None) == (self.seal_key_file is None):
            raise ValueError("one of seal_key and seal_key_file is to be set: it signs seals and releases")
        _ = self.seal_keys
        return self

    @cached_property
    def seal_keys(self) -> KeyRing:
        """The key that signs, and every public key that is known."""
        if self.seal_key is not None:
            text = self.seal_key.get_secret_value()
        else:
            assert self.seal_key_file is not None
            try:
                text = self.seal_key_file.read_text(encoding="ascii")
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"seal_key_file can't be read ({type(error).__name__})") from None
        return KeyRing(SigningKey.parse(text), map(PublicKey.parse, self.seal_public_keys))
