"""Try a model out in a process of its own: `python -m services.prelabel.checking FOLDER`.

The folder holds `model.onnx` and `manifest.json`; the verdict is one JSON line on standard output. A model that hangs,
eats memory or crashes onnxruntime takes down this process, which has limits and no secrets, and nothing else.
"""

import json
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.onnxfile import ModelRefused, check_file
from services.prelabel.inference import Item, LoadedModel, Port, inputs, ports
from shared.contracts.events import ModelManifest

_TOLERANCE: Final = 1e-3
_TEXTS: Final = ("", "a few plain words", "Ünïcode, 数字 и 😀!", "word " * 400)
_RESERVED_FILES: Final = 64
_OUT_OF_MEMORY: Final = ("failed to allocate", "bad_alloc", "out of memory", "memory allocation")
"""How onnxruntime and the C++ library say it."""


def limit(cpu_s: int, memory_mb: int) -> None:
    """Bound this process: CPU seconds, address space, no file larger than a megabyte, few open files."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 1024 * 1024,) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024,) * 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_RESERVED_FILES, _RESERVED_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def check(data: bytes, manifest: ModelManifest) -> None:
    """Load the model and let it answer.

    Raises:
        ModelRefused: it can't be loaded, or doesn't read and say what the manifest promises.
    """
    check_file(data)
    try:
        model = LoadedModel(data, manifest)
    except Exception as error:
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
            for item in items:  # what breaks the model on one item is lost in the answers; here it is told
                model.probabilities(inputs(model.manifest, [item]))
    except Exception as error:
        raise ModelRefused(_why_it_failed(error)) from error
    if np.isnan(answers).any():
        raise ModelRefused("the answers of the dry run are not probabilities that sum to 1")
    return answers


def _why_it_failed(error: Exception) -> str:
    said = str(error).lower()
    if isinstance(error, MemoryError) or any(each in said for each in _OUT_OF_MEMORY):
        bound = resource.getrlimit(resource.RLIMIT_AS)[0]
        limit_ = "" if bound == resource.RLIM_INFINITY else f": it may take {bound // 2**20} MB"
        return f"the dry run needs more memory than there is{limit_}"
    return f"the dry run failed: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]


def verdict(folder: Path) -> dict[str, Any]:
    manifest = ModelManifest.model_validate_json((folder / "manifest.json").read_bytes())
    try:
        check((folder / "model.onnx").read_bytes(), manifest)
    except ModelRefused as refused:
        return {"fit": False, "reason": str(refused)}
    return {"fit": True}


def main(arguments: Sequence[str]) -> None:
    folder, cpu_s, memory_mb = arguments
    limit(int(cpu_s), int(memory_mb))
    sys.stdout.write(json.dumps(verdict(Path(folder))) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
