"""What a worker may not do, and how much it may take. Everything here works without root.

On Linux (x86-64, aarch64) a seccomp filter keeps every worker from making processes, from the network, and from other
processes; a confined worker, which meets untrusted files, can't open files either: all that it needs is imported before.
The filter is a list of what is refused, made for code that was not written to attack; together with the empty
environment it leaves what breaks out of onnxruntime or Pillow with nothing to read and nowhere to send it. Elsewhere there
are the limits on memory, time and files alone, and `confine` returns False.
"""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2

_FILES_TRUSTED: Final = 256
_FILES_CONFINED: Final = 32
_FILE_BYTES_TRUSTED: Final = 64 * 1024 * 1024
_ADDRESS_SLACK: Final = 1024**3
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")

# Linux system calls by number: x86-64, aarch64 (-1: it has none). include/uapi/asm-generic/unistd.h and
# arch/x86/entry/syscalls/syscall_64.tbl.
_PROCESSES: Final = {
    "fork": (57, -1), "vfork": (58, -1), "execve": (59, 221), "execveat": (322, 281),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "unshare": (272, 97), "setns": (308, 268),
}  # fmt: skip
_NETWORK: Final = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186),
    "mq_open": (240, 180),
}  # fmt: skip
_KERNEL: Final = {
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "io_uring_setup": (425, 425), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "mount_setattr": (442, 442), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
}  # fmt: skip
_FILES: Final = {
    "open": (2, -1), "openat": (257, 56), "openat2": (437, 437), "creat": (85, -1), "truncate": (76, 45),
    "chdir": (80, 49), "fchdir": (81, 50), "rename": (82, -1), "renameat": (264, 38), "renameat2": (316, 276),
    "mkdir": (83, -1), "mkdirat": (258, 34), "rmdir": (84, -1), "link": (86, -1), "linkat": (265, 37),
    "unlink": (87, -1), "unlinkat": (263, 35), "symlink": (88, -1), "symlinkat": (266, 36), "chmod": (90, -1),
    "fchmodat": (268, 53), "chown": (92, -1), "lchown": (94, -1), "fchownat": (260, 54), "mknod": (133, -1),
    "mknodat": (259, 33), "utime": (132, -1), "utimes": (235, -1), "futimesat": (261, -1), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6),
}  # fmt: skip
_CLONE: Final = (56, 220)
_CLONE3: Final = (435, 435)
_KILL: Final = ((62, 129), (234, 131))  # kill, tgkill: of the process itself only
_PRLIMIT: Final = (302, 261)

_ARCHITECTURES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_CLONE_THREAD: Final = 0x00010000
_X32: Final = 0x40000000

# Berkeley packet filter: operation codes, and the offsets in `struct seccomp_data` (little endian).
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENT_AT = 0, 4, 16
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


@dataclass(frozen=True, slots=True)
class Usage:
    """The address space and the private writable memory of a process, in bytes."""

    address: int
    data: int


class Budget:
    """The limits of this process that change from call to call; made before the process is confined."""

    def __init__(self) -> None:
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC) if sys.platform == "linux" else -1
        self._idle = self._usage()
        self._memory_bytes = 0

    def grant(self, cpu_s: float, memory_bytes: int) -> None:
        """What the next call may take: CPU seconds from now, and bytes beyond what an idle worker has."""
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        _soft(resource.RLIMIT_CPU, int(used + cpu_s) + 1)
        if self._idle is not None and memory_bytes != self._memory_bytes:
            self._memory_bytes = memory_bytes
            _soft(resource.RLIMIT_DATA, self._idle.data + memory_bytes)
            _soft(resource.RLIMIT_AS, self._idle.address + memory_bytes + _ADDRESS_SLACK)

    def _usage(self) -> Usage | None:
        if self._statm < 0:
            return None
        fields = os.pread(self._statm, 200, 0).split()
        return Usage(int(fields[0]) * _PAGE, int(fields[5]) * _PAGE)


def _soft(what: int, limit: int) -> None:
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def die_with_parent() -> None:
    """End this process when the one that forked it ends, and be the first to go when memory is short."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        try:
            Path("/proc/self/oom_score_adj").write_text("1000")
        except OSError:
            return


def confine(*, files: bool) -> bool:
    """Give up what a worker doesn't need, for good; `files`: it may still open files. Whether the filter is in force."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES_TRUSTED if files else 0,) * 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES_TRUSTED if files else _FILES_CONFINED,) * 2)
    architecture = _ARCHITECTURES.get(platform.machine())
    if sys.platform != "linux" or architecture is None:
        return False
    program = _program(*architecture, files=files)
    size = struct.calcsize("HBBI")
    buffer = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // size, ctypes.addressof(buffer)))
    try:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))
    except OSError:
        return False  # a kernel or a container that has no filters
    return True


def _program(column: int, architecture: int, *, files: bool) -> bytes:
    """The filter: refuse what is listed with EPERM, allow the rest."""
    refused = {**_PROCESSES, **_NETWORK, **_KERNEL, **({} if files else _FILES)}
    denied = _ERRNO | errno.EPERM
    lines = [
        _line(_LOAD, _ARCHITECTURE_AT),
        _line(_EQUAL, architecture, 1, 0),
        _line(_RETURN, _KILL_PROCESS),
        _line(_LOAD, _NUMBER_AT),
    ]
    if column == 0:
        lines += [_line(_AT_LEAST, _X32, 0, 1), _line(_RETURN, denied)]
    for number in sorted(numbers[column] for numbers in refused.values() if numbers[column] >= 0):
        lines += [_line(_EQUAL, number, 0, 1), _line(_RETURN, denied)]
    # C libraries fall back from clone3, whose flags a filter can't see, to clone; threads are allowed.
    lines += [_line(_EQUAL, _CLONE3[column], 0, 1), _line(_RETURN, _ERRNO | errno.ENOSYS)]
    lines += _when(_CLONE[column], 0, _ANY_BIT, _CLONE_THREAD, denied)
    for numbers in _KILL:
        lines += _when(numbers[column], 0, _EQUAL, os.getpid(), denied)
    lines += _when(_PRLIMIT[column], 0, _EQUAL, 0, denied)
    return b"".join([*lines, _line(_RETURN, _ALLOW)])


def _when(number: int, argument: int, test: int, value: int, denied: int) -> list[bytes]:
    """Allow a system call where its argument passes the test."""
    return [
        _line(_EQUAL, number, 0, 4),
        _line(_LOAD, _ARGUMENT_AT + 8 * argument),
        _line(test, value, 0, 1),
        _line(_RETURN, _ALLOW),
        _line(_RETURN, denied),
    ]


def _line(operation: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", operation, if_true, if_false, value)


def _prctl(option: int, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    if libc.prctl(option, *padded) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
