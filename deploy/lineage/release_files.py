"""The files of a release as they were downloaded: in a folder, or in a zip or tar archive."""

import hashlib
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, NamedTuple, Self

import orjson

MANIFEST: Final = "manifest.json"
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

    def lines(self, name: str) -> Iterator[bytes]:
        """Return the lines of a file; raises KeyError when it is missing."""
        with self.file(name) as file:
            yield from file

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
        return _tar(path, resources.enter_context(tarfile.open(path)))
    raise NotARelease(f"{path} is neither a folder nor a zip or tar archive.")


def _zip(path: Path, archive: zipfile.ZipFile) -> Callable[[str], IO[bytes]]:
    names = _by_name(path, archive.namelist())
    return lambda name: archive.open(names[name])


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
