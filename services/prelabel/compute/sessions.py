"""onnxruntime, and nobody else imports it: the models that a worker process keeps loaded."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.prelabel.domain import outputs
from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.items import Item, read_text
from services.prelabel.exceptions import InferenceFailed
from shared.contracts.events import ModelManifest

DOUBLE: Final = "tensor(double)"
"""onnxruntime's name of the type."""

_FATAL_ONLY: Final = 4
_OUT_OF_MEMORY: Final = ("failed to allocate", "bad_alloc", "out of memory", "memory allocation")
"""The texts of onnxruntime and of the C++ library for it."""

_MOST_PADDED: Final = 1 << 20
"""Characters of a batch of texts that are all as long as the longest: a tokenizer pads so, and takes some 64 bytes for each."""


def inputs(manifest: ModelManifest, items: Sequence[Item]) -> NDArray[Any]:
    """The model's input for these items, as the manifest describes it."""
    if manifest.task == "text_classification":
        return np.array([read_text(manifest, str(item)) for item in items], dtype=object).reshape(-1, 1)
    stacked = np.stack([np.asarray(item) for item in items]).astype(np.float32) / np.float32(manifest.scale)
    if manifest.layout == "nchw":
        return np.ascontiguousarray(stacked.transpose(0, 3, 1, 2))
    return stacked.reshape(len(items), -1)


def parts_of_like_length(lengths: Sequence[int], most: int) -> list[list[int]]:
    """The places of texts, in parts that hold at most `most` characters when padded; a longer text is a part alone."""
    if len(lengths) * max(lengths, default=0) <= most:
        return [list(range(len(lengths)))]
    parts: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if parts and (len(parts[-1]) + 1) * lengths[place] <= most:
            parts[-1].append(place)
        else:
            parts.append([place])
    return parts


def is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(each in str(error).lower() for each in _OUT_OF_MEMORY)


class LoadedModel:
    """One session, with one thread."""

    def __init__(self, model: bytes, manifest: ModelManifest) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL_ONLY
        options.enable_cpu_mem_arena = False  # an arena keeps the largest batch's memory for good
        self.manifest = manifest
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._reads_doubles = any(port.type == DOUBLE for port in self.session.get_inputs())
        self._run_options = onnxruntime.RunOptions()
        self._run_options.log_severity_level = _FATAL_ONLY

    def run(self, items: Sequence[Item]) -> Floats:
        """The raw probabilities, shape [items, labels]; a row of NaN where the model gives none.

        An item that makes the whole batch fail costs only itself: the others are run again one by one.

        Raises:
            MemoryError: the model needs more memory than there is.
            InferenceFailed: its answers don't have one column per label.
        """
        lengths = [len(item) if isinstance(item, str) else 0 for item in items]
        parts = parts_of_like_length(lengths, _MOST_PADDED)
        if len(parts) > 1:
            answers = np.empty((len(items), len(self.manifest.labels)))
            for part in parts:
                answers[part] = self.run([items[place] for place in part])
            return answers
        try:
            return self.probabilities(inputs(self.manifest, items))
        except InferenceFailed:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise MemoryError from error
            if len(items) == 1:
                return np.full((1, len(self.manifest.labels)), np.nan)
            return np.concatenate([self.run([item]) for item in items])

    def probabilities(self, batch: NDArray[Any]) -> Floats:
        """Run once. Rows sum to exactly 1; a row that is no distribution is NaN."""
        return outputs.probabilities(self.values(batch), self.manifest.output or "probabilities")

    def values(self, batch: NDArray[Any]) -> Floats:
        """Run once; what the model gives, as `domain.outputs` reads it.

        Raises:
            InferenceFailed: there is not one column per label.
        """
        if self._reads_doubles:
            batch = batch.astype(np.float64)
        (raw,) = self.session.run([self.manifest.output_name], {self.manifest.input_name: batch}, self._run_options)
        return outputs.values(raw, len(batch), self.manifest.labels)


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output: onnxruntime's name of the type, and the shape, in which a free dimension is no int."""

    type: str
    shape: tuple[Any, ...]


def ports(model: LoadedModel) -> tuple[dict[str, Port], dict[str, Port]]:
    """What a model reads and what it gives, by name."""
    reads = {port.name: Port(port.type, tuple(port.shape)) for port in model.session.get_inputs()}
    gives = {port.name: Port(port.type, tuple(port.shape)) for port in model.session.get_outputs()}
    return reads, gives


_loaded: OrderedDict[UUID, LoadedModel] = OrderedDict()
"""The models of this worker process, the one used last at the end."""


def predict(
    model_id: UUID, items: Sequence[Item], model: tuple[bytes, ModelManifest] | None, most_models: int
) -> Floats | str | None:
    """The raw probabilities, shape [items, labels]; None when this process doesn't have the model and it isn't given.

    A string is the reason why the model could not answer.
    """
    loaded = _loaded.get(model_id)
    if loaded is None:
        if model is None:
            return None
        while len(_loaded) >= most_models:
            _loaded.popitem(last=False)
        try:
            loaded = _loaded[model_id] = LoadedModel(*model)
        except Exception as error:
            if is_out_of_memory(error):
                raise MemoryError from error
            return "onnxruntime does not load the model"
    _loaded.move_to_end(model_id)
    try:
        return loaded.run(items)
    except InferenceFailed as failed:
        return str(failed)
