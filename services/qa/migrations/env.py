"""Alembic's entry point for qa's database."""

from shared.kit.migrations import run_env

run_env(
    needs_stop={
        "0006": "the relay sends again what was sent, and nobody sends what is published without a row of `outbox_queue`",
        "0010": "a record that was routed since, and of which nothing else has come, is taken for one that is not routed",
        "0017": "links whose content is committed under a key of their own are taken for broken, and what is sealed is signed by nobody",
    }
)
