"""A downloaded release is read in bounded memory and time, whatever somebody has put into it."""

import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.lineage import release_files, verification
from deploy.lineage.release_files import MANIFEST, DownloadedRelease, NotARelease
from deploy.lineage.verification import VerificationReport
from services.qa.domain.release_lineage import LineageFault

LINE = b"x" * 99 + b"\n"
MOST_BYTES = 256 * 1024


def in_folder(folder: Path) -> Path:
    return folder


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in folder.iterdir():
            archive.write(one, one.name)
    return path


def tarred(folder: Path, mode: str = "w") -> Path:
    path = folder.with_suffix(".tar")
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(folder, "release")
    return path


def tarred_and_compressed(folder: Path) -> Path:
    return tarred(folder, "w:gz")


@pytest.fixture(autouse=True)
def short_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_files, "MOST_LINE_BYTES", MOST_BYTES)
    monkeypatch.setattr(release_files, "_CHUNK_BYTES", MOST_BYTES // 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "release"
    made.mkdir()
    (made / MANIFEST).write_bytes(b"{}")
    return made


@pytest.mark.parametrize("packed", [in_folder, zipped, tarred, tarred_and_compressed])
def test_a_line_without_end_is_not_held_and_the_others_are_read(folder: Path, packed: Callable[[Path], Path]) -> None:
    long = b"[" * (8 * MOST_BYTES) + b"\n"
    (folder / "train.jsonl").write_bytes(b"first\n" + long + b"third\n" + long[:-1])
    with DownloadedRelease.open(packed(folder)) as release:
        tracemalloc.start()
        try:
            assert list(release.lines("train.jsonl")) == [b"first\n", None, b"third\n", None]
            most_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert most_bytes < 4 * MOST_BYTES


def test_a_line_that_is_too_long_is_a_fault(folder: Path) -> None:
    (folder / "train.jsonl").write_bytes(b"first\n" + b"[" * (2 * MOST_BYTES) + b"\nthird\n")
    report = VerificationReport()
    with DownloadedRelease.open(folder) as release:
        assert list(verification._lines(report, release, "train.jsonl")) == [(1, b"first\n"), (3, b"third\n")]
    assert report.counts == {LineageFault.LINE: 1}
    assert "line 2 of train.jsonl" in report.faults[0].words


def test_the_longest_line_is_read_as_it_is(folder: Path) -> None:
    longest = b"x" * (MOST_BYTES - 1) + b"\n"
    (folder / "train.jsonl").write_bytes(longest + b"y\n")
    with DownloadedRelease.open(folder) as release:
        assert list(release.lines("train.jsonl")) == [longest, b"y\n"]


def test_two_files_of_a_compressed_archive_are_read_side_by_side_as_fast_as_one_after_the_other(folder: Path) -> None:
    for name in ("train.jsonl", "train.lineage.jsonl"):
        (folder / name).write_bytes(LINE * 20_000)

    path = tarred_and_compressed(folder)

    def seconds(read: Callable[[DownloadedRelease], int]) -> float:
        began = time.process_time()
        with DownloadedRelease.open(path) as release:
            assert read(release) == 20_000
        return time.process_time() - began

    def one_by_one(release: DownloadedRelease) -> int:
        list(release.lines("train.jsonl"))
        return len(list(release.lines("train.lineage.jsonl")))

    def side_by_side(release: DownloadedRelease) -> int:
        pairs = zip(release.lines("train.jsonl"), release.lines("train.lineage.jsonl"), strict=True)
        return sum(label == proof for label, proof in pairs)

    assert seconds(side_by_side) < 5 * seconds(one_by_one)


def test_a_compressed_archive_that_ends_too_early_is_none(folder: Path) -> None:
    (folder / "train.jsonl").write_bytes(LINE * 5_000)
    path = tarred_and_compressed(folder)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(NotARelease, match="can't be unpacked"):
        DownloadedRelease.open(path)
