"""Memory that is freed goes back to the system, however large and many the blocks were before."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, threading
from pathlib import Path
from shared.kit import allocation

def held_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20

def take_and_free(kept):
    bytearray(24 * 2**20)  # after this glibc would take blocks of this size from the heap
    for _ in range(8):
        blocks = []
        for _ in range(8):
            blocks.append(b"x" * (int(sys.argv[2]) * 2**20))
            kept.append(os.urandom(1_000))  # what lives on lies between what goes

assert allocation.return_memory_when_freed(getattr(allocation, sys.argv[1]))
before, kept = held_mb(), []
for _ in range(3):
    thread = threading.Thread(target=take_and_free, args=(kept,))
    thread.start()
    thread.join()
print(held_mb() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone is told")
@pytest.mark.parametrize(("whose", "block_mb", "most_mb"), [("OF_SERVICES", 6, 16), ("OF_WORKERS", 34, 80)])
def test_large_blocks_go_back_when_they_are_freed(whose: str, block_mb: int, most_mb: int) -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, whose, str(block_mb)],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert int(done.stdout) < most_mb
