"""Models made by hand, by the operators that they consist of."""

from typing import Any

from onnx import ModelProto, TensorProto, helper


def tiny(output: str = "Softmax", *, width: int = 64, classes: int = 10, **changes: Any) -> bytes:
    """A hand-made image model: one matrix, then `output`."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [width, classes], [0.01] * (width * classes))
    if changes.get("external"):
        weights.ClearField("float_data")
        weights.data_location = TensorProto.EXTERNAL
        entry = weights.external_data.add()
        entry.key, entry.value = "location", "secrets.bin"
    number = changes.get("number", TensorProto.FLOAT)
    nodes = [
        helper.make_node("MatMul", ["input", "w"], ["scores"]),
        helper.make_node(output, ["scores"], ["probabilities"], domain=changes.get("domain", "")),
    ]
    if number != TensorProto.FLOAT:
        nodes[0].input[0], nodes[1].output[0] = "floats", "answers"
        nodes.insert(0, helper.make_node("Cast", ["input"], ["floats"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Cast", ["answers"], ["probabilities"], to=number))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", number, [changes.get("batch"), width])],
        [helper.make_tensor_value_info("probabilities", number, [None, classes])],
        [weights],
    )
    opsets = [helper.make_opsetid("", 18)]
    if "domain" in changes:
        opsets.append(helper.make_opsetid(changes["domain"], 1))
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 9
    return bytes(model.SerializeToString())


def endless() -> bytes:
    """A model with a loop that never ends."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Identity", ["state"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    model = ModelProto()
    model.ParseFromString(tiny())
    graph = model.graph
    graph.initializer.append(helper.make_tensor("true", TensorProto.BOOL, [], [True]))
    graph.node.insert(0, helper.make_node("Loop", ["", "true", "input"], ["looped"], body=body))
    graph.node[1].input[0] = "looped"
    return bytes(model.SerializeToString())


def fastidious() -> bytes:
    """A model that gives no numbers for a picture whose first pixel is 7."""
    model = ModelProto()
    model.ParseFromString(tiny())
    graph = model.graph
    for name, value in (("seven", 7 / 255), ("nan", float("nan")), ("zero", 0.0), ("near", 1e-6)):
        graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [1], [value]))
    for name, number in (("from", 0), ("to", 1), ("axis", 1)):
        graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [1], [number]))
    extra = [
        helper.make_node("Slice", ["input", "from", "to", "axis"], ["first"]),
        helper.make_node("Sub", ["first", "seven"], ["off"]),
        helper.make_node("Abs", ["off"], ["away"]),
        helper.make_node("Less", ["away", "near"], ["hit"]),
        helper.make_node("Where", ["hit", "nan", "zero"], ["spoilt"]),
        helper.make_node("Add", ["scores", "spoilt"], ["sums"]),
    ]
    for place, node in enumerate(extra):
        graph.node.insert(1 + place, node)
    graph.node[-1].input[0] = "sums"
    return bytes(model.SerializeToString())


def greedy() -> bytes:
    """A model that would need 640 GB for its dry run."""
    model = ModelProto()
    model.ParseFromString(tiny())
    graph = model.graph
    graph.initializer.append(helper.make_tensor("large", TensorProto.INT64, [2], [400_000, 400_000]))
    graph.initializer.append(helper.make_tensor("mean", TensorProto.INT64, [2], [0, 1]))
    graph.node.insert(0, helper.make_node("ReduceMean", ["input"], ["one"], keepdims=1))
    graph.node.insert(1, helper.make_node("Expand", ["one", "large"], ["much"]))
    graph.node.insert(2, helper.make_node("ReduceMean", ["much", "mean"], ["back"], keepdims=1))
    graph.node.insert(3, helper.make_node("Add", ["input", "back"], ["fed"]))
    graph.node[4].input[0] = "fed"
    return bytes(model.SerializeToString())
