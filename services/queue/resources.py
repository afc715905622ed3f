"""What a running queue holds beside what every service holds."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends

from services.queue.storage.hints import LeaseHints
from services.queue.storage.projects import ProjectCache
from shared.kit.runtime import Runtime, current_runtime


@dataclass(frozen=True, slots=True)
class QueueResources:
    """`retry_soon_s`: when to ask again if a task may turn up any moment. `most_skips`: after how many a task is closed.

    `asset_url_ttl_s` and `asset_base_url` are about links to media. `projects` and `hints` are what the process remembers;
    every statement checks that it still holds.
    """

    retry_soon_s: int
    asset_url_ttl_s: int
    asset_base_url: str
    most_skips: int
    projects: ProjectCache = field(default_factory=ProjectCache)
    hints: LeaseHints = field(default_factory=LeaseHints)


QueueRuntime = Runtime[QueueResources]
QueueRuntimeDep = Annotated[QueueRuntime, Depends(current_runtime)]
