"""Alembic's entry point for prelabel's database."""

from shared.kit.migrations import run_env

run_env()
