"""The process that workers are forked from: `python -m shared.kit.compute.template FD [MODULE…]`.

It imports the modules once, so that a new worker is there within milliseconds and shares their memory, and never runs
anything of them itself. It is started without the service's environment and holds none of its connections but FD: over
that it is asked to fork (with the worker's own connection beside) or to kill, and reports which worker ended and how. When FD
closes it ends, and its workers with it.
"""

import gc
import importlib
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Final

from shared.kit.allocation import OF_WORKERS, return_memory_when_freed
from shared.kit.compute import worker

MESSAGE: Final = struct.Struct("!cIi")
"""What, the worker's number, and how: `FORK` 0 or 1 (confined), `KILL`, `READY`, `ENDED` with the wait status."""

FORK, KILL, READY, ENDED = b"f", b"k", b"r", b"e"


class _Template:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._numbers: dict[int, int] = {}

    def serve(self) -> None:
        """Until the control connection ends."""
        woken, waker = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._tell(READY, 0, 0)
        while True:
            readable, _, _ = select.select([self._control.fileno(), woken], [], [])
            if woken in readable:
                os.read(woken, 4096)
                self._reap()
            if self._control.fileno() in readable and not self._obey():
                return

    def _obey(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE.size, 1)
        while data and len(data) < MESSAGE.size:
            data += self._control.recv(MESSAGE.size - len(data))
        if not data:
            return False
        what, number, how = MESSAGE.unpack(data)
        if what == FORK:
            self._fork(number, descriptors[0], confined=bool(how))
        elif what == KILL:
            self._kill(number)
        return True

    def _fork(self, number: int, descriptor: int, *, confined: bool) -> None:
        process = os.fork()
        if process == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            worker.silence()
            worker.main(socket.socket(fileno=descriptor), confined=confined)
        self._numbers[process] = number
        os.close(descriptor)

    def _kill(self, number: int) -> None:
        """By number: a process that has been reaped, whose id may be another's by now, is no longer in the table."""
        for process, held in self._numbers.items():
            if held == number:
                os.kill(process, signal.SIGKILL)

    def _reap(self) -> None:
        while self._numbers:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            self._tell(ENDED, self._numbers.pop(process), status)

    def _tell(self, what: bytes, number: int, how: int) -> None:
        self._control.sendall(MESSAGE.pack(what, number, how))


def main(arguments: Sequence[str]) -> None:
    return_memory_when_freed(OF_WORKERS)
    descriptor, *modules = arguments
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    _Template(socket.socket(fileno=int(descriptor))).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
