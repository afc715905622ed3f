"""The loop that looks for wrong labels."""

from uuid import UUID

from services.prelabel.loop_names import DOUBT
from services.prelabel.operations import label_errors
from services.prelabel.resources import PrelabelRuntime, backends_of
from services.prelabel.storage.label_errors import DueDoubtLook
from shared.kit.isolation import isolated


async def find_label_errors(runtime: PrelabelRuntime) -> float | None:
    """Make the looks that are due, one after the other; each has one turn a round. Return in how many seconds the next is due.

    They have a loop of their own: a look takes several times as long as the training that it follows.
    """
    begun: set[UUID] = set()
    with isolated(DOUBT) as item:
        while True:
            look = await label_errors.next_due(runtime.database, begun)
            if not isinstance(look, DueDoubtLook):
                return look
            begun.add(look.run_id)
            with item(run_id=look.run_id):
                await label_errors.look_once(backends_of(runtime), look, runtime.resources.training)
