"""A look into an ONNX file before anything loads it: no weights from other files, no operators of others.

The file is protobuf (onnx.proto of the ONNX project). Only the fields named here are followed; what they hold is never
interpreted, so a hostile file can do no more than be refused.
"""

from collections.abc import Iterator
from typing import Final

from services.prelabel.exceptions import ModelRefused

ALLOWED_DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Operator sets that are built into onnxruntime. `com.microsoft` holds the tokenizer that text models need."""

_MOST_DEPTH: Final = 32

# Field numbers of onnx.proto.
_MODEL: Final = {7: "graph", 20: "training", 25: "function"}
_MODEL_OPSET: Final = 8
_OPSET_DOMAIN: Final = 1
_GRAPH: Final = {1: "node", 5: "tensor", 15: "sparse"}
_FUNCTION: Final = {7: "node", 11: "attribute"}
_NODE: Final = {5: "attribute"}
_NODE_INPUT: Final = 1
_NODE_OUTPUT: Final = 2
_NODE_OPERATOR: Final = 4
_NODE_DOMAIN: Final = 7
_ATTRIBUTE: Final = {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"}
_SPARSE: Final = {1: "tensor", 2: "tensor"}
_TRAINING: Final = {1: "graph", 2: "graph"}
_CHILDREN: Final = {
    "model": _MODEL,
    "graph": _GRAPH,
    "function": _FUNCTION,
    "node": _NODE,
    "attribute": _ATTRIBUTE,
    "sparse": _SPARSE,
    "training": _TRAINING,
    "tensor": {},
}
_TENSOR_EXTERNAL_DATA: Final = 13
_TENSOR_DATA_LOCATION: Final = 14

_STANDARD: Final = frozenset({"", "ai.onnx"})
_KEEPS_VALUES: Final = frozenset({"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Clip"})
"""Operators whose output is their first input in another shape or type, or within limits."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def check_file(model: bytes) -> None:
    """Refuse a file that is empty or no ONNX model, reads weights from other files, or needs operators that are not built in.

    Raises:
        ModelRefused: it is so.
    """
    if not model:
        raise ModelRefused("the file is empty")
    view = memoryview(model)
    has_graph = has_opset = False
    for number, wire, value in _fields(view):
        if number == _MODEL_OPSET and wire == _BYTES:
            has_opset = True
            _check_domain(_text(value, _OPSET_DOMAIN))
        has_graph = has_graph or _MODEL.get(number) == "graph"
    if not has_graph or not has_opset:
        raise ModelRefused("the file is not an ONNX model: it has no graph or no operator set")
    _walk(view, "model", 0)


def ends_in_sigmoid(model: bytes, output: str) -> bool:
    """Whether an output is what a Sigmoid gives, but for its shape and type.

    What `post_transform` of an operator of ai.onnx.ml says is no evidence: onnxruntime doesn't apply LOGISTIC to one
    column.
    """
    made_by: dict[str, tuple[str, str]] = {}
    for number, wire, graph in _fields(memoryview(model)):
        part = _MODEL.get(number) if wire == _BYTES else None
        if part == "function":  # it may give an operator another meaning
            return False
        if part != "graph":
            continue
        for node_number, node_wire, node in _fields(graph):
            if _GRAPH.get(node_number) == "node" and node_wire == _BYTES and _text(node, _NODE_DOMAIN) in _STANDARD:
                made_by[_text(node, _NODE_OUTPUT)] = (_text(node, _NODE_OPERATOR), _first_text(node, _NODE_INPUT))
    name = output
    while (made := made_by.pop(name, None)) is not None:  # taken out, so that a circle ends
        operator, name = made
        if operator == "Sigmoid":
            return True
        if operator not in _KEEPS_VALUES:
            return False
    return False


def _walk(message: memoryview, kind: str, depth: int) -> None:
    if depth > _MOST_DEPTH:
        raise ModelRefused("the model's graphs are nested too deep")
    if kind == "tensor":
        _check_tensor(message)
        return
    if kind == "node":
        _check_domain(_text(message, _NODE_DOMAIN))
    children = _CHILDREN[kind]
    for number, wire, value in _fields(message):
        child = children.get(number)
        if child is not None and wire == _BYTES:
            _walk(value, child, depth + 1)


def _check_tensor(tensor: memoryview) -> None:
    for number, wire, value in _fields(tensor):
        external = number == _TENSOR_DATA_LOCATION and wire == _VARINT and value[0] != 0
        if external or number == _TENSOR_EXTERNAL_DATA:
            raise ModelRefused("the model keeps weights in other files; they must be inside")


def _check_domain(domain: str) -> None:
    if domain not in ALLOWED_DOMAINS:
        raise ModelRefused("the model needs operators that are not built into onnxruntime")


def _text(message: memoryview, field: int) -> str:
    """The last value of a string field; empty when it is absent."""
    text = ""
    for number, wire, value in _fields(message):
        if number == field and wire == _BYTES:
            text = bytes(value).decode(errors="replace")
    return text


def _first_text(message: memoryview, field: int) -> str:
    """The first value of a string field; empty when it is absent."""
    for number, wire, value in _fields(message):
        if number == field and wire == _BYTES:
            return bytes(value).decode(errors="replace")
    return ""


def _fields(message: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """The fields of a protobuf message: number, wire type, value (a varint as one byte: zero or not)."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            number_value, place = _varint(message, place)
            yield number, wire, memoryview(b"\1" if number_value else b"\0")
            continue
        if wire == _BYTES:
            length, place = _varint(message, place)
        elif wire in {_FIXED64, _FIXED32}:
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ModelRefused("the file is not an ONNX model: it is not protobuf")
        if length > len(message) - place:
            raise ModelRefused("the file is not an ONNX model: it is cut short")
        yield number, wire, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message) and shift < 70:  # noqa: PLR2004  a varint has at most ten bytes
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, place
        shift += 7
    raise ModelRefused("the file is not an ONNX model: it is not protobuf")
