"""What an operator may set: environment variables that begin with `TOUCHSTONE_`."""

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, IPvAnyNetwork, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

Environment = Literal["production", "embedded"]


SECRETS_FOLDER = "TOUCHSTONE_SECRETS_DIR"
"""The variable that names a folder with a file for each setting that no variable gives: `touchstone_database_url`, …"""


class OperatorSettings(BaseSettings):
    """Read from environment variables, and from files where a folder of secrets is named."""

    model_config = SettingsConfigDict(
        env_prefix="TOUCHSTONE_", frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the names are pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        folder = os.environ.get(SECRETS_FOLDER)
        files = (SecretsSettingsSource(settings_cls, folder),) if folder else ()
        return (init_settings, env_settings, *files)


class DatabaseSettings(OperatorSettings):
    """What `touchstone migrate` takes."""

    database_url: SecretStr = Field(
        description="`postgresql://user:password@host:port/database`, of this service alone."
    )


class BusSettings(OperatorSettings):
    """What whoever speaks with the bus alone takes."""

    bus_url: SecretStr = Field(
        description="`kafka://[user:password@]host:port,host:port[?cafile=…]` (with a user SASL_SSL and SCRAM-SHA-512, unless `security_protocol` and `sasl_mechanism` say otherwise) or `postgresql://…`."
    )
    topic_prefix: str = Field(default="touchstone.", description="What every topic's name begins with.")
    event_retention_days: int = Field(default=30, ge=1, description="How long events are kept, in days.")


class Settings(DatabaseSettings, BusSettings):
    """The settings that all services share; each service adds its own in a subclass.

    No secret has a default: a service that misses one doesn't start.
    """

    database_session: ClassVar[Mapping[str, str]] = {}
    """PostgreSQL's settings for each connection of the service, beyond the kit's; no operator sets them."""

    placeholders: ClassVar[Mapping[str, Any]] = {}
    """What the service doesn't start without, beyond the kit's: values that connect to nothing and sign nothing real."""

    environment: Environment = Field(
        default="production",
        description="`embedded` is one machine without an operator; everything else is production.",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on.")
    metrics_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="The port of `/metrics`, which the main port then lacks; that one without.",
    )
    root_path: str = Field(default="", description="The path under which a gateway mounts the service.")

    public_url: str = Field(
        default="",
        description="How clients reach the service, with the path under which a gateway mounts it; links in answers begin with "
        "it. Without it they are paths.",
    )

    database_pool_size: int = Field(default=10, ge=2, le=500, description="The most connections one process opens.")
    statement_timeout_ms: int = Field(default=15_000, ge=1, description="The longest a statement may run.")
    lock_timeout_ms: int = Field(default=5_000, ge=1, description="The longest a statement may wait for a lock.")

    bus_session_s: float = Field(
        default=6.0,
        ge=1,
        le=300,
        description="After how long a silent member of a consumer group loses its partitions.",
    )
    consumer_lanes: int = Field(default=4, ge=1, le=64, description="How many batches of events are handled at a time.")

    compute_workers: int = Field(
        default=2, ge=1, le=64, description="How many heavy computations run at a time, each in a process of its own."
    )
    compute_timeout_s: float = Field(
        default=60.0, gt=0, description="The longest a heavy computation may take, unless it has a setting of its own."
    )
    compute_memory_mb: int = Field(
        default=1024, ge=64, description="The memory a heavy computation may take, unless it has a setting of its own."
    )
    compute_idle_s: float = Field(
        default=120.0, gt=0, description="After how long without work the processes for heavy computations end."
    )

    objects_url: str = Field(description="Where objects lie: `file:///folder`, `s3://bucket/prefix` or `memory://`.")
    objects_secret: SecretStr | None = Field(
        default=None, description="The key of signed URLs of a local object store; at least 32 bytes."
    )

    oidc_issuer: str | None = Field(default=None, description="The OpenID Connect issuer whose tokens are accepted.")
    oidc_audience: str = Field(default="touchstone", description="The audience that a token must name.")
    token_keys_file: Path | None = Field(
        default=None,
        description="A JWKS file with the public keys of local tokens (`touchstone token`); read again when it changes.",
    )
    actor_secret: SecretStr = Field(
        description="The key by which those who act get the opaque ids that stand in tables and events, the same in all services; at least 32 bytes."
    )

    cors_origins: list[str] = Field(
        default_factory=list, description="Origins that browsers may call from (JSON list)."
    )
    max_body_bytes: int = Field(
        default=16 * 1024 * 1024, ge=1024, description="The largest request body; most endpoints take far less."
    )
    body_timeout_s: float = Field(
        default=30.0, gt=0, description="The longest that nothing may come of a request body; then it is refused."
    )
    bodies_in_hand_mb: int = Field(
        default=64,
        ge=1,
        description="How many MiB of large request bodies a process holds at a time; more wait, and then get 503.",
    )
    pictures_in_hand_mb: int = Field(
        default=768, ge=64, description="The memory that pictures may take together while they are read; more wait."
    )
    max_asset_pixels: int = Field(
        default=50_000_000,
        ge=1,
        description="Most pixels of an image, once decoded; of ingest and prelabel alike, so that models read what is kept.",
    )
    in_hand_wait_s: float = Field(
        default=5.0, gt=0, description="The longest that a request waits for room to hold its body."
    )
    requests_per_s_of_address: float = Field(
        default=2_000.0,
        ge=0,
        description="How many requests a second an address may make of a process, and ten seconds' worth at once; 0: any.",
    )
    requests_per_s_of_subject: float = Field(
        default=1_000.0,
        ge=0,
        description="How many requests a second a token's subject may make of a process, and ten seconds' worth at once; 0: any.",
    )
    trusted_proxies: list[IPvAnyNetwork] = Field(
        default_factory=list,
        description="Networks of gateways whose `X-Forwarded-For` says who asks (JSON list); without, the gateway's own address counts.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severity logged."
    )
    log_format: Literal["json", "console"] = Field(default="json", description="How log lines look.")
    otlp_endpoint: str | None = Field(default=None, description="Where traces are sent (OTLP over HTTP); none without.")

    @model_validator(mode="after")
    def _keys_are_long_enough(self) -> Self:
        for name in ("actor_secret", "objects_secret"):
            secret: SecretStr | None = getattr(self, name)
            if secret is not None and len(secret.get_secret_value().encode()) < MIN_KEY_BYTES:
                raise ValueError(f"{name} has fewer than {MIN_KEY_BYTES} bytes")
        if self.token_keys_file is None and self.oidc_issuer is None:
            raise ValueError("neither oidc_issuer nor token_keys_file is set: nobody could call this service")
        if self.objects_secret is None and self.objects_url.startswith(("file:", "memory:")):
            raise ValueError("objects_secret is not set: a local object store can't sign its URLs")
        return self


MIN_KEY_BYTES = 32


def settings_class(package: str) -> type[Settings]:
    """The one subclass of Settings that `<package>.settings` defines."""
    module = importlib.import_module(f"{package}.settings")
    own = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Settings) and each.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise LookupError(f"{package}.settings defines {len(own)} settings classes, not one")
    return own[0]


def placeholder_settings(package: str) -> Settings:
    """Settings that connect to nothing: to describe a service without running it."""
    nothing: dict[str, Any] = {
        "environment": "embedded",
        "database_url": "postgresql://nobody@localhost/nothing",
        "bus_url": "postgresql://nobody@localhost/nothing",
        "objects_url": "memory://",
        "objects_secret": "x" * MIN_KEY_BYTES,
        "oidc_issuer": "https://nobody.invalid",
        "actor_secret": "x" * MIN_KEY_BYTES,
    }
    cls = settings_class(package)
    return cls(**nothing, **cls.placeholders)
