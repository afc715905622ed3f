"""What a running ingest holds beside what every service holds."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from services.ingest.operations.context import IngestLimits, IntakeContext
from shared.kit.runtime import Runtime, current_runtime


@dataclass(frozen=True, slots=True)
class IngestResources:
    limits: IngestLimits
    intake: IntakeContext


IngestRuntime = Runtime[IngestResources]
IngestRuntimeDep = Annotated[IngestRuntime, Depends(current_runtime)]
