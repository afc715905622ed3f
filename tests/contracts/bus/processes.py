"""Processes that tests start and kill: forked from one that has imported what they need, which takes longer than a test."""

import multiprocessing

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.contracts.bus.consuming_process", "tests.contracts.bus.member"])
