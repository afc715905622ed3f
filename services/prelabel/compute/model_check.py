"""Try an uploaded model out: for a confined worker, which a model that hangs, eats memory or crashes takes down alone."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.prelabel.compute.sessions import LoadedModel, Port, inputs, is_out_of_memory, ports
from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.items import Item
from services.prelabel.domain.onnxfile import check_file
from services.prelabel.exceptions import ModelRefused
from shared.contracts.events import ModelManifest

_TOLERANCE: Final = 1e-3
_TEXTS: Final = ("", "a few plain words", "Ünïcode, 数字 и 😀!", "word " * 400)


def check(data: bytes, manifest: ModelManifest) -> str | None:
    """Load a model and let it answer; why it is refused, or None.

    Raises:
        MemoryError: it needs more memory than there is.
    """
    try:
        _check(data, manifest)
    except ModelRefused as refused:
        return str(refused)
    return None


def _check(data: bytes, manifest: ModelManifest) -> None:
    check_file(data)
    try:
        model = LoadedModel(data, manifest)
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError from error
        raise ModelRefused(f"onnxruntime does not load it: {_first_line(error)}") from error
    _check_ports(model, manifest)
    items = _samples(manifest)
    together = _answers(model, items)
    alone = np.concatenate([_answers(model, [item]) for item in items])
    if np.abs(together - alone).max() > _TOLERANCE:
        raise ModelRefused("an item's answer depends on what else is in the batch")


def _check_ports(model: LoadedModel, manifest: ModelManifest) -> None:
    reads, gives = ports(model)
    if set(reads) != {manifest.input_name}:
        raise ModelRefused("the model must have exactly one input, with the manifest's input_name")
    if manifest.output_name not in gives:
        raise ModelRefused("the model has no output with the manifest's output_name")
    _check_port(reads[manifest.input_name], *_wanted_input(manifest), "input")
    _check_port(gives[manifest.output_name], "tensor(float)", (len(manifest.labels),), "output")


def _wanted_input(manifest: ModelManifest) -> tuple[str, tuple[int, ...]]:
    if manifest.task == "text_classification":
        return "tensor(string)", (1,)
    height, width = manifest.height or 0, manifest.width or 0
    if manifest.layout == "nchw":
        return "tensor(float)", (manifest.channels, height, width)
    return "tensor(float)", (height * width * manifest.channels,)


def _check_port(port: Port, wanted_type: str, wanted: tuple[int, ...], what: str) -> None:
    if port.type != wanted_type:
        raise ModelRefused(f"the {what} must be {wanted_type}")
    if not port.shape:  # skl2onnx leaves some outputs without a shape; the dry run shows it
        return
    if len(port.shape) != len(wanted) + 1:
        raise ModelRefused(f"the {what} must have {len(wanted) + 1} dimensions")
    if isinstance(port.shape[0], int) and port.shape[0] > 0:
        raise ModelRefused(f"the first dimension of the {what} must be free: it is the batch")
    for has, wants in zip(port.shape[1:], wanted, strict=True):
        if isinstance(has, int) and has != wants:
            raise ModelRefused(f"the {what} does not have the manifest's dimensions")


def _samples(manifest: ModelManifest) -> list[Item]:
    if manifest.task == "text_classification":
        return list(_TEXTS)
    shape = (manifest.height or 1, manifest.width or 1, manifest.channels)
    generator = np.random.default_rng(0)
    noise: list[NDArray[np.uint8]] = [generator.integers(0, 256, shape, dtype=np.uint8) for _ in range(2)]
    return [np.zeros(shape, dtype=np.uint8), np.full(shape, 255, dtype=np.uint8), *noise]


def _answers(model: LoadedModel, items: Sequence[Item]) -> Floats:
    try:
        answers = model.run(items)
        if np.isnan(answers).any():
            for item in items:  # what breaks the model on one item is lost in the answers; here it is raised
                model.probabilities(inputs(model.manifest, [item]))
    except MemoryError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError from error
        raise ModelRefused(f"the dry run failed: {_first_line(error)}") from error
    if np.isnan(answers).any():
        raise ModelRefused("the answers of the dry run are not probabilities that sum to 1")
    return answers


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
