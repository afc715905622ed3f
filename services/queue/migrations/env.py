"""Alembic's entry point for queue's database."""

from shared.kit.migrations import run_env

run_env(
    needs_stop={
        "0002": "where records are routed to stands in `routes`, and is written to `records` no more",
        "0003": "the relay sends again what was sent, and nobody sends what is published without a row of `outbox_queue`",
        "0018": "what annotators returned stands in `returned_work`, and is written to `given_back` no more",
    }
)
