"""What operations work with that open their own transactions."""

from dataclasses import dataclass
from uuid import UUID

from services.prelabel.inference import InferenceQueue
from services.prelabel.operations.model_inputs import Reader
from services.prelabel.storage.projects import ProjectCache
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Database
from shared.kit.objects import Objects


@dataclass(frozen=True, slots=True)
class Backends:
    """The database, the object store, worker processes, models that answer, and the projects that were parsed.

    `max_pixels`: the most that a picture may have to be read.
    """

    database: Database
    objects: Objects
    compute: ComputePool
    inference: InferenceQueue
    projects: ProjectCache
    max_pixels: int

    def reader(self, project_id: UUID) -> Reader:
        """Reads what records of the project hold."""
        return Reader(self.objects, self.compute, project_id, self.max_pixels)
