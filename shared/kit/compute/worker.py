"""The loop of a worker process: one call after the other, until the service closes the connection."""

import os
import signal
import socket
from typing import Any, NoReturn

from shared.kit.compute import confinement, wire
from shared.kit.compute.confinement import Budget

_NICE = 5
"""Workers leave the processor to the event loops, which answer people."""


def main(connection: socket.socket, *, confined: bool) -> NoReturn:
    """Serve until the connection ends. Never returns: the process was forked, and what called it is not its own."""
    status = 1
    try:
        confinement.die_with_parent()
        os.nice(_NICE)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        budget = Budget()
        confinement.confine(files=not confined)
        _serve(connection, budget, confined=confined)
        status = 0
    finally:
        os._exit(status)


def _serve(connection: socket.socket, budget: Budget, *, confined: bool) -> None:
    while (data := _receive(connection)) is not None:
        answer, fit = _answer(data, budget, confined=confined)
        del data
        connection.sendall(answer)
        del answer
        if not fit:
            return


def _answer(data: bytearray, budget: Budget, *, confined: bool) -> tuple[bytes, bool]:
    """The frame to send, and whether this process is fit for another call."""
    try:
        call = wire.Call.read(data)
        data.clear()  # the arguments are copies
        budget.grant(call.cpu_s, call.memory_bytes)
        value = wire.function(call.module, call.name)(*call.arguments)
        return wire.result("done", value, plain=confined), True
    except MemoryError:
        return wire.result("memory", None, plain=confined), False
    except Exception as error:  # noqa: BLE001  it is raised again in the service
        return _raised(error, confined=confined), True


def _raised(error: Exception, *, confined: bool) -> bytes:
    plain: Any = (type(error).__name__, str(error)[:1000])
    if confined:
        return wire.result("raised", plain, plain=True)
    try:
        answer = wire.result("raised", error, plain=False)
        wire.read_result(answer[wire.HEADER.size :], plain=False)
    except Exception:  # noqa: BLE001  what can't be pickled, or not be made again, goes by its name
        return wire.result("raised", plain, plain=False)
    return answer


def _receive(connection: socket.socket) -> bytearray | None:
    """The next frame; None at the end of the connection."""
    header = _exactly(connection, wire.HEADER.size)
    if header is None:
        return None
    (size,) = wire.HEADER.unpack(header)
    return _exactly(connection, size)


def _exactly(connection: socket.socket, size: int) -> bytearray | None:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        received = connection.recv_into(view)
        if received == 0:
            return None
        view = view[received:]
    return data


def silence() -> None:
    """Give up the standard streams: what libraries print may hold content."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)
