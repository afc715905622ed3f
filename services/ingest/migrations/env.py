"""Alembic's entry point for ingest's database."""

from shared.kit.migrations import run_env

run_env(
    needs_stop={
        "0002": "the relay sends again what was sent, and nobody sends what is published without a row of `outbox_queue`",
        "0014": "which objects are to be deleted stands in `asset_deletions`, and is written to `doomed_assets` no more",
    }
)
