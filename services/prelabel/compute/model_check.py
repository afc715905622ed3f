"""Try an uploaded model out: for a confined worker, which a model that hangs, eats memory or crashes takes down alone."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.prelabel.compute.sessions import DOUBLE, LoadedModel, Port, inputs, is_out_of_memory, ports
from services.prelabel.domain import outputs
from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.items import Item
from services.prelabel.domain.onnxfile import check_file, ends_in_sigmoid
from services.prelabel.exceptions import InferenceFailed, ModelRefused
from shared.contracts.events import ModelManifest

_TOLERANCE: Final = 1e-3
_LOCALE_CURE: Final = (
    '. Let it lower-case nothing itself, which needs a locale: give "lowercase": true in the manifest, '
    "and lowercase=False to scikit-learn's vectorizer"
)
_HALF_CURE: Final = ". Convert it with keep_io_types=True, or export it in float32"
_NEWER_CURE: Final = ". Its opset or format is newer than what is run here: export it with an earlier target_opset"
_INTEGERS_CURE: Final = ". Let it read float32: each pixel's value divided by the manifest's scale"
_CLASSES_CURE: Final = ". Name the output that holds the probabilities: the model gives {}"
_BATCH_CURE: Final = ". Export it so, in PyTorch with dynamic_axes={name: {0: 'batch'}}"
_TEXTS: Final = ("", "a few plain words", "Ünïcode, 数字 и 😀!", "word " * 400)


_FLOATS: Final = ("tensor(float)", DOUBLE)
_MAPPINGS: Final = ("seq(map(string,tensor(float)))", "seq(map(int64,tensor(float)))")
_LABELS: Final = ("tensor(int64)", "tensor(string)")
_INPUT_CURES: Final = {"tensor(float16)": _HALF_CURE, "tensor(uint8)": _INTEGERS_CURE, "tensor(int64)": _INTEGERS_CURE}
_LOADING_CURES: Final = {"locale": _LOCALE_CURE, "ValidateOpsetForDomain": _NEWER_CURE, "model IR version": _NEWER_CURE}
"""By what onnxruntime says."""

_MOST_NAMED: Final = 10
_LONGEST_NAME: Final = 60

Checked = tuple[outputs.Form | None, str]
"""How the model's answers are to be read; or None, and why the model is refused."""


def check(data: bytes, manifest: ModelManifest) -> Checked:
    """Load a model and let it answer.

    Raises:
        MemoryError: it needs more memory than there is.
    """
    try:
        return _check(data, manifest), ""
    except ModelRefused as refused:
        return None, str(refused)


def _check(data: bytes, manifest: ModelManifest) -> outputs.Form:
    check_file(data)
    try:
        model = LoadedModel(data, manifest)
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError from error
        cure = next((cure for word, cure in _LOADING_CURES.items() if word in str(error)), "")
        raise ModelRefused(f"onnxruntime does not load it: {_first_line(error)}{cure}") from error
    _check_ports(model, manifest)
    items = _samples(manifest)
    alone = np.concatenate([_values(model, [item]) for item in items])
    sigmoid = ends_in_sigmoid(data, manifest.output_name)
    form = outputs.form_of(alone, manifest.output, ends_in_sigmoid=sigmoid)
    together = outputs.probabilities(_values(model, items), form)
    if not np.abs(together - outputs.probabilities(alone, form)).max() <= _TOLERANCE:  # NaN is no success either
        raise ModelRefused("an item's answer depends on what else is in the batch")
    return form


def _check_ports(model: LoadedModel, manifest: ModelManifest) -> None:
    reads, gives = ports(model)
    if set(reads) != {manifest.input_name}:
        raise ModelRefused(
            f"the model must have exactly one input, with the manifest's input_name; it has {_listed(reads)}"
        )
    if manifest.output_name not in gives:
        raise ModelRefused(f"the model has no output with the manifest's output_name but {_listed(gives)}")
    _check_port(reads[manifest.input_name], *_wanted_input(manifest), "input", _INPUT_CURES)
    output = gives[manifest.output_name]
    if output.type in _MAPPINGS:  # the dry run shows of which labels
        return
    one_column = outputs.has_one_column(manifest.labels, output.shape[1:])
    cures = {"tensor(float16)": _HALF_CURE} | dict.fromkeys(_LABELS, _CLASSES_CURE.format(_listed(gives)))
    _check_port(output, _FLOATS, output.shape[1:] if one_column else (len(manifest.labels),), "output", cures)


def _wanted_input(manifest: ModelManifest) -> tuple[Sequence[str], tuple[int, ...]]:
    if manifest.task == "text_classification":
        return ("tensor(string)",), (1,)
    height, width = manifest.height or 0, manifest.width or 0
    if manifest.layout == "nchw":
        return _FLOATS, (manifest.channels, height, width)
    return _FLOATS, (height * width * manifest.channels,)


def _check_port(
    port: Port, wanted_types: Sequence[str], wanted: tuple[int, ...], what: str, cures: Mapping[str, str]
) -> None:
    """`cures`: what to do about a type that isn't wanted."""
    if port.type not in wanted_types:
        cure = cures.get(port.type, "")
        raise ModelRefused(f"the {what} must be {' or '.join(wanted_types)}, not {port.type}{cure}")
    if not port.shape:  # skl2onnx leaves some outputs without a shape; the dry run shows it
        return
    if isinstance(port.shape[0], int) and len(port.shape) == len(wanted) + 1:
        raise ModelRefused(f"the first dimension of the {what} must be free, because it is the batch{_BATCH_CURE}")
    fits = len(port.shape) == len(wanted) + 1 and all(
        not isinstance(has, int) or has == wants for has, wants in zip(port.shape[1:], wanted, strict=True)
    )
    if not fits:
        raise ModelRefused(
            f"the {what} must have the dimensions that the manifest makes, {_shape(('n', *wanted))}, "
            f"not {_shape(port.shape)}"
        )


def _shape(dimensions: Sequence[object]) -> str:
    return f"[{', '.join(_brief('?' if each is None else each) for each in dimensions)}]"


def _listed(ports: Mapping[str, Port]) -> str:
    names = [_brief(name) for name in ports]
    return ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")


def _brief(name: object) -> str:
    return str(name)[:_LONGEST_NAME]


def _samples(manifest: ModelManifest) -> list[Item]:
    if manifest.task == "text_classification":
        return list(_TEXTS)
    shape = (manifest.height or 1, manifest.width or 1, manifest.channels)
    generator = np.random.default_rng(0)
    noise: list[NDArray[np.uint8]] = [generator.integers(0, 256, shape, dtype=np.uint8) for _ in range(2)]
    return [np.zeros(shape, dtype=np.uint8), np.full(shape, 255, dtype=np.uint8), *noise]


def _values(model: LoadedModel, items: Sequence[Item]) -> Floats:
    try:
        return model.values(inputs(model.manifest, items))
    except InferenceFailed as failed:
        raise ModelRefused(str(failed)) from failed
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError from error
        raise ModelRefused(f"the dry run failed: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
