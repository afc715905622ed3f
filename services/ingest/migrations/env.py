"""Alembic's entry point for ingest's database."""

from shared.kit.migrations import run_env

run_env()
