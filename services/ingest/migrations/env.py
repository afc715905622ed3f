"""Alembic's entry point for ingest's database."""

from shared.kit.migrations import run_env

run_env(
    needs_stop={
        "0002": "the relay sends again what was sent, and nobody sends what is published without a row of `outbox_queue`",
    }
)
