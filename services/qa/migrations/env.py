"""Alembic's entry point for qa's database."""

from shared.kit.migrations import run_env

run_env()
