"""How a program ends that has processes of its own to end."""

import signal
import threading
from types import FrameType


def end_by_sigterm_as_by_ctrl_c() -> None:
    """Let SIGTERM do what Ctrl-C does: tasks are cancelled and contexts left, so that no process stays behind.

    Whatever starts a PostgreSQL, a broker or a suite calls this first. A program that handles SIGTERM itself goes on doing
    so. The first signal counts; a clean end takes a while, and `timeout` sends two.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, _go_on)  # ignored, but not by the programs that are started from now on
    interrupt = signal.getsignal(signal.SIGINT)  # asyncio's, which cancels the main task
    if not callable(interrupt):  # started in the background by a shell
        raise KeyboardInterrupt
    interrupt(signal.SIGINT, frame)


def _go_on(_: int, __: FrameType | None) -> None:
    """The end is under way."""
