"""What a running queue holds beside what every service holds."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from shared.kit.runtime import Runtime, current_runtime


@dataclass(frozen=True, slots=True)
class QueueResources:
    """`retry_soon_s`: when to ask again if a task may turn up any moment. The rest is about links to media."""

    retry_soon_s: int
    asset_url_ttl_s: int
    asset_base_url: str


QueueRuntime = Runtime[QueueResources]
QueueRuntimeDep = Annotated[QueueRuntime, Depends(current_runtime)]
