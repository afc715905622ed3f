"""The files of a release, written in parts: what is stored and noted is never done again.

Labels are append-only, so those that stood at one moment (`as_of`) can be read page by page in short transactions, in the
order of their records' ids. A part is written to the object store outside any transaction; then one transaction notes
which labels it holds, and that it is there. A job that is killed in between writes that part again under the same name.
Beside each part lies another one with the lineage of its labels.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from services.qa import exports
from services.qa.domain.releases import ReleasedLabel, ReleaseFile, ReleaseProgress
from services.qa.operations import release_lineage
from services.qa.operations.offset_units import released_in_unit
from services.qa.operations.release_files import JSON_LINES, folder, lineage_name, store
from services.qa.operations.releases import SUCCESSOR_OF
from services.qa.storage import projects, release_records
from services.qa.storage.chain import LinkOfLabel
from services.qa.storage.release_records import LabelPage
from services.qa.storage.releases import Release
from shared.contracts.answers import OffsetUnit
from shared.kit.concurrency import one_ahead
from shared.kit.database import Database
from shared.kit.jobs import Job
from shared.kit.objects import Objects
from shared.kit.signatures import KeyRing

_LABELS_PER_PAGE = 1000
_BYTES_PER_PAGE = 4 * 1024 * 1024
_BYTES_PER_PART = 4 * 1024 * 1024
_PAGES_PER_PART = 250
"""Where nearly everything is left out, parts are small, and what was looked through is not looked through again."""


class _LinkedPage(NamedTuple):
    """A page, and of each label in it the links that prove it."""

    page: LabelPage
    links: list[list[LinkOfLabel]]


class _EncodedPage(NamedTuple):
    """A page, its labels as the format has them, and their lineage."""

    page: LabelPage
    labels: bytes
    lineage: bytes


@dataclass(slots=True)
class _Part:
    """Pages that are encoded and not stored yet."""

    labels: list[ReleasedLabel] = field(default_factory=list)
    encoded: list[bytes] = field(default_factory=list)
    lineage: list[bytes] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    pages: int = 0

    def add(self, one: _EncodedPage) -> None:
        self.labels += one.page.labels
        self.encoded.append(one.labels)
        self.lineage.append(one.lineage)
        self.left_out += one.page.left_out
        self.pages += 1

    @property
    def full(self) -> bool:
        largest = max(sum(map(len, self.encoded)), sum(map(len, self.lineage)))
        return largest >= _BYTES_PER_PART or self.pages >= _PAGES_PER_PART


class ReleaseWriter:
    """Writes one release. `progress` is what its job's checkpoint holds."""

    def __init__(
        self,
        database: Database,
        objects: Objects,
        keys: KeyRing,
        job: Job,
        release: Release,
        progress: ReleaseProgress,
        total: int,
    ) -> None:
        self._database = database
        self._objects = objects
        self._keys = keys
        self._job = job
        self._release = release
        self._format = exports.FORMATS[release.options.get("format", exports.DEFAULT)]
        self._unit = OffsetUnit(release.options.get("offset_unit", OffsetUnit.CODE_POINTS))
        self._total = total
        self.progress = progress

    async def write(self) -> None:
        """Write what is not written yet. No part is deleted before all splits are noted as finished: a job that is killed
        in between would look for it, or leave it behind.
        """
        while (split := self.progress.split(self._release.options["splits"])) is not None:
            if not self.progress.complete:
                await self._write_parts(split)
            await self._join_parts(split)
        await self._objects.delete_folder(self._parts)

    async def _write_parts(self, split: str) -> None:
        """Write the parts that are not written yet. While one page is stored, the next one is encoded, the links of the one
        after it are read, and the page after that.
        """
        part = _Part()
        pages = one_ahead(self._encoded(one_ahead(self._linked(one_ahead(self._pages(split))))))
        async with contextlib.aclosing(pages):
            async for one in pages:
                part.add(one)
                if one.page.last is None or part.full:
                    await self._store(split, part, one.page.last)
                    part = _Part()

    async def _pages(self, split: str) -> AsyncGenerator[LabelPage]:
        """Read the pages that are not written yet; the last one is empty."""
        after: UUID | None = self.progress.after
        while after is not None:
            page = await self._page(split, after)
            after = page.last
            yield page

    async def _linked(self, pages: AsyncGenerator[LabelPage]) -> AsyncGenerator[_LinkedPage]:
        async with contextlib.aclosing(pages):
            async for page in pages:
                project_id = self._release.project_id
                yield _LinkedPage(
                    page, await release_lineage.links_of(self._database, self._keys, project_id, page.labels)
                )

    async def _encoded(self, pages: AsyncGenerator[_LinkedPage]) -> AsyncGenerator[_EncodedPage]:
        async with contextlib.aclosing(pages):
            async for page, links in pages:
                shown = await self._shown(page.labels)
                yield await asyncio.to_thread(self._encode, page, shown, links)

    def _encode(
        self, page: LabelPage, shown: Sequence[ReleasedLabel], links: Sequence[Sequence[LinkOfLabel]]
    ) -> _EncodedPage:
        return _EncodedPage(page, self._format.part(shown), release_lineage.lines_of(links))

    async def _shown(self, labels: Sequence[ReleasedLabel]) -> Sequence[ReleasedLabel]:
        """Labels with offsets in the unit of the release."""
        if self._unit is OffsetUnit.CODE_POINTS or not labels:
            return labels
        async with self._database.autocommit() as session:
            project = await projects.load(session, self._release.project_id)
        assert project is not None
        schema = project.label_schemas[self._release.options["schema_version"]]
        return await asyncio.to_thread(released_in_unit, schema, labels, self._unit)

    async def _store(self, split: str, part: "_Part", last: UUID | None) -> None:
        """Store a part and its lineage, then note them; `last`: up to which record was looked, None: there are no more."""
        if part.labels:
            await self._objects.put(self._part(split, self.progress.parts), b"".join(part.encoded))
            await self._objects.put(self._lineage_part(split, self.progress.parts), b"".join(part.lineage))
        self.progress.add_part(part.labels, last or self.progress.after, left_out=part.left_out, complete=last is None)
        async with self._database.transaction() as session:
            await release_records.keep(session, self._release.release_id, split, part.labels)
            await self._job.commit_progress(
                session, self.progress.done, self._total, checkpoint=self.progress.checkpoint()
            )

    async def _page(self, split: str, after: UUID) -> LabelPage:
        options = self._release.options
        async with self._database.transaction() as session:
            if SUCCESSOR_OF in options:
                return await release_records.of_release(
                    session,
                    UUID(options[SUCCESSOR_OF]),
                    split,
                    after=after,
                    limit=_LABELS_PER_PAGE,
                    most_bytes=_BYTES_PER_PAGE,
                )
            return await release_records.valid_at(
                session,
                self._release,
                split,
                as_of=self.progress.as_of,
                after=after,
                limit=_LABELS_PER_PAGE,
                most_bytes=_BYTES_PER_PAGE,
            )

    async def _join_parts(self, split: str) -> None:
        """Make the files of a split from their parts."""
        count = self.progress.parts
        parts = [self._part(split, number) for number in range(count)]
        lineage_parts = [self._lineage_part(split, number) for number in range(count)]
        name = f"{split}.{self._format.suffix}"
        file = await self._file(name, split, self._format.join(one_ahead(self._stored(parts))), self._format.media_type)
        lineage = await self._file(lineage_name(split), split, one_ahead(self._stored(lineage_parts)), JSON_LINES)
        self.progress.finish_split(file, lineage)
        async with self._database.transaction() as session:
            await self._job.commit_progress(
                session, self.progress.done, self._total, checkpoint=self.progress.checkpoint()
            )

    async def _file(self, name: str, split: str, chunks: AsyncIterator[bytes], media_type: str) -> ReleaseFile:
        stored = await store(self._objects, f"{self._folder}/{name}", chunks, media_type)
        return ReleaseFile(name, split, self.progress.records, stored.bytes, stored.sha256)

    async def _stored(self, keys: list[str]) -> AsyncGenerator[bytes]:
        """Read the parts, each as a whole: they are small."""
        for key in keys:
            yield await self._objects.get(key)

    @property
    def _folder(self) -> str:
        return folder(self._release.release_id)

    @property
    def _parts(self) -> str:
        return f"{self._folder}/parts"

    def _part(self, split: str, number: int) -> str:
        return f"{self._parts}/{split}-{number:06}"

    def _lineage_part(self, split: str, number: int) -> str:
        return f"{self._part(split, number)}.lineage"
