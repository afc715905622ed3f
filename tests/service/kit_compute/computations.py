"""What the tests let worker processes do: small things, and everything that a worker must survive or be stopped from."""

import ctypes
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import numpy as np


class Refused(ValueError):
    """Raised by a computation, with an argument of its own."""

    def __init__(self, pointer: str, rule: str) -> None:
        super().__init__(pointer, rule)
        self.pointer = pointer


class Unpicklable(Exception):
    def __init__(self, one: str, other: str) -> None:
        super().__init__(one + other)


def add(one: int, other: int) -> int:
    return one + other


def echo(value: Any) -> Any:
    return value


def length(value: bytes) -> int:
    return len(value)


def process() -> int:
    return os.getpid()


def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


def loop_for_ever() -> NoReturn:
    while True:
        pass


def sign_and_loop(path: str) -> NoReturn:
    """Leave the process's number in a file, which is there as a whole, and go on for ever."""
    Path(f"{path}.new").write_text(str(os.getpid()))
    Path(f"{path}.new").rename(path)
    loop_for_ever()


def allocate(gigabytes: int) -> int:
    return len(bytearray(gigabytes * 1024**3))


def crash() -> None:
    ctypes.string_at(0)


def end() -> NoReturn:
    os._exit(7)


def kill_itself() -> None:
    os.kill(os.getpid(), 9)


def burn_in_threads(count: int) -> None:
    """Burn the processor in C code, in several threads."""
    threads = [threading.Thread(target=lambda: pow(7, 10**8, 10**400_000)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def refuse() -> NoReturn:
    raise Refused("/labels", "unique")


def raise_unpicklable() -> NoReturn:
    raise Unpicklable("a", "b")


def environment() -> dict[str, str]:
    return dict(os.environ)


def raw_environment() -> bytes:
    return Path("/proc/self/environ").read_bytes()


def count_forks() -> int:
    """Fork as often as may be, at most a hundred times; how often that was."""
    forks = 0
    for _ in range(100):
        try:
            child = os.fork()
        except OSError:
            break
        if child == 0:
            os._exit(0)
        forks += 1
    return forks


def run_a_thread() -> bool:
    ran = threading.Event()
    thread = threading.Thread(target=ran.set)
    thread.start()
    thread.join()
    return ran.is_set()


def open_file(path: str) -> bytes:
    return Path(path).read_bytes()


def connect(port: int) -> str:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except PermissionError:
        return "refused"
    return "connected"


def signal_other(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return "refused"
    return "reached"


def array(rows: int) -> Any:
    return np.arange(rows * 3, dtype=np.float64).reshape(rows, 3)


def identify() -> UUID:
    return UUID(int=1)


def modules(name: str) -> bool:
    return name in sys.modules


def text_of(value: object) -> str:
    return f"{type(value).__name__} {value}"
