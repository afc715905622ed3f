"""Alembic's entry point for queue's database."""

from shared.kit.migrations import run_env

run_env()
