from shared.kit.migrations import run_env

run_env()
