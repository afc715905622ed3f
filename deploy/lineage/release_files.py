"""The files of a release as they were downloaded: in a folder, or in a zip or tar archive."""

import hashlib
import io
import lzma
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, NamedTuple, Self, cast

import orjson

MANIFEST: Final = "manifest.json"
MOST_LINE_BYTES: Final = 16 * 1024 * 1024
"""A record and its answers have half a MiB each at most, and ten thousand chain entries fit as well."""
_CHUNK_BYTES: Final = 1024 * 1024
_MOST_JSON_BYTES: Final = 256 * 1024 * 1024


class NotARelease(Exception):
    """There is no release of that kind here."""


class Digest(NamedTuple):
    """`sha256` is hexadecimal."""

    bytes: int
    sha256: str


class DownloadedRelease:
    """Reads a release file by file, in constant memory. A context manager."""

    def __init__(self, open_file: Callable[[str], IO[bytes]], resources: ExitStack) -> None:
        self._open_file = open_file
        self._resources = resources

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a folder, the manifest in one, or an archive.

        Raises:
            NotARelease: no manifest is in it.
        """
        with ExitStack() as resources:
            if path.name == MANIFEST:
                path = path.parent
            open_file = _folder(path) if path.is_dir() else _archive(path, resources)
            return cls(open_file, resources.pop_all())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def json(self, name: str) -> Any:
        """Parse a small file; raises KeyError when it is missing and ValueError when it is no JSON."""
        with self.file(name) as file:
            return orjson.loads(file.read(_MOST_JSON_BYTES))

    def lines(self, name: str) -> Iterator[bytes | None]:
        """Return the lines of a file, None for one of more than `MOST_LINE_BYTES`; raises KeyError when it is missing."""
        with self.file(name) as file:
            while line := file.readline(MOST_LINE_BYTES + 1):
                if len(line) <= MOST_LINE_BYTES:
                    yield line
                else:
                    _skip_line(file, line)
                    yield None

    def digest(self, name: str) -> Digest:
        """Hash a file; raises KeyError when it is missing."""
        hashed, size = hashlib.sha256(), 0
        with self.file(name) as file:
            while chunk := file.read(_CHUNK_BYTES):
                hashed.update(chunk)
                size += len(chunk)
        return Digest(size, hashed.hexdigest())

    def file(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file of the release; raises KeyError when it is missing."""
        if PurePosixPath(name).name != name:
            raise KeyError(name)  # a manifest names no path
        return self._open_file(name)


def _skip_line(file: IO[bytes], begun: bytes) -> None:
    """Read on to the end of a line."""
    while begun and not begun.endswith(b"\n"):
        begun = file.readline(_CHUNK_BYTES)


def _folder(path: Path) -> Callable[[str], IO[bytes]]:
    def opened(name: str) -> IO[bytes]:
        try:
            return (path / name).open("rb")
        except OSError:
            raise KeyError(name) from None

    if not (path / MANIFEST).is_file():
        raise NotARelease(f"There is no {MANIFEST} in {path}.")
    return opened


def _archive(path: Path, resources: ExitStack) -> Callable[[str], IO[bytes]]:
    if not path.is_file():
        raise NotARelease(f"There is no {path}.")
    if zipfile.is_zipfile(path):
        return _zip(path, resources.enter_context(zipfile.ZipFile(path)))
    if tarfile.is_tarfile(path):
        return _tar(path, _open_tar(path, resources))
    raise NotARelease(f"{path} is neither a folder nor a zip or tar archive.")


def _zip(path: Path, archive: zipfile.ZipFile) -> Callable[[str], IO[bytes]]:
    names = _by_name(path, archive.namelist())
    return lambda name: io.BufferedReader(cast("io.RawIOBase", archive.open(names[name])), _CHUNK_BYTES)


def _open_tar(path: Path, resources: ExitStack) -> tarfile.TarFile:
    """Open a tar archive. What is compressed is unpacked on the disk first: files are read side by side, and there each step
    back begins at the front.

    Raises:
        NotARelease: it can't be unpacked.
    """
    with suppress(tarfile.ReadError):
        return resources.enter_context(tarfile.open(path, "r:"))
    unpacked = Path(resources.enter_context(tempfile.TemporaryDirectory())) / "release.tar"
    try:
        with tarfile.open(path) as packed, unpacked.open("wb") as file:
            assert packed.fileobj is not None
            packed.fileobj.seek(0)
            shutil.copyfileobj(cast("IO[bytes]", packed.fileobj), file, _CHUNK_BYTES)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise NotARelease(f"{path} can't be unpacked: {error}") from error
    return resources.enter_context(tarfile.open(unpacked, "r:"))


def _tar(path: Path, archive: tarfile.TarFile) -> Callable[[str], IO[bytes]]:
    names = _by_name(path, [one.name for one in archive.getmembers() if one.isfile()])

    def opened(name: str) -> IO[bytes]:
        file = archive.extractfile(names[name])
        assert file is not None, "it is a file"
        return file

    return opened


def _by_name(path: Path, members: list[str]) -> dict[str, str]:
    """Return the archive's members that lie beside the manifest, by file name."""
    folders = [PurePosixPath(one).parent for one in members if PurePosixPath(one).name == MANIFEST]
    if len(folders) != 1:
        raise NotARelease(f"There are {len(folders)} files called {MANIFEST} in {path}, not one.")
    return {PurePosixPath(one).name: one for one in members if PurePosixPath(one).parent == folders[0]}
