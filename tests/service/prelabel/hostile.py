"""ONNX models that pass the check and then, on a picture whose first pixel is 7, take more than anybody may."""

from typing import Any

from onnx import TensorProto, helper

SEVEN = 7

Node = Any


def endless_loop() -> bytes:
    """A Loop of 10^12 turns: each turn is short, there is no end."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["state"], ["next"])],
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
    return _model(
        10**12,
        [
            helper.make_node("Loop", ["count", "yes", "hit"], ["looped"], body=body),
            helper.make_node("Mul", ["looped", "nought"], ["spoilt"]),
        ],
    )


def quadratic_operator() -> bytes:
    """Range, then NonMaxSuppression of 250,000 boxes that don't overlap: minutes inside one operator."""
    return _model(
        250_000,
        [
            helper.make_node("Range", ["none", "count", "one"], ["numbers"]),
            helper.make_node("Cast", ["numbers"], ["row"], to=TensorProto.FLOAT),
            helper.make_node("Reshape", ["row", "as_boxes"], ["top"]),
            helper.make_node("Mul", ["top", "two"], ["low"]),
            helper.make_node("Add", ["low", "unit"], ["high"]),
            helper.make_node("Mul", ["top", "nought"], ["left"]),
            helper.make_node("Add", ["left", "unit"], ["right"]),
            helper.make_node("Concat", ["low", "left", "high", "right"], ["boxes"], axis=2),
            helper.make_node("Reshape", ["right", "as_scores"], ["sure"]),
            helper.make_node("NonMaxSuppression", ["boxes", "sure", "count", "half"], ["kept"]),
            helper.make_node("Cast", ["kept"], ["kept_row"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", ["kept_row"], ["sum"], keepdims=0),
            helper.make_node("Mul", ["sum", "nought"], ["spoilt"]),
        ],
    )


def gigabytes() -> bytes:
    """ConstantOfShape of five gigabytes."""
    return _model(
        5 * 1024**3 // 4,
        [
            helper.make_node("Reshape", ["count", "as_row"], ["shape"]),
            helper.make_node("ConstantOfShape", ["shape"], ["much"]),
            helper.make_node("ReduceSum", ["much"], ["sum"], keepdims=0),
            helper.make_node("Mul", ["sum", "nought"], ["spoilt"]),
        ],
    )


def _model(count: int, nodes: list[Node]) -> bytes:
    """A model of 8 x 8 pictures; `nodes` make `spoilt` of `count`, which is 1 until a picture begins with 7."""
    constants: list[tuple[str, int, list[int], Any]] = [
        ("w", TensorProto.FLOAT, [64, 10], [0.01] * 640),
        ("seven", TensorProto.FLOAT, [1], [SEVEN / 255]),
        ("near", TensorProto.FLOAT, [1], [1e-6]),
        ("much_of_it", TensorProto.DOUBLE, [], [float(count)]),
        ("yes", TensorProto.BOOL, [], [True]),
        ("none", TensorProto.INT64, [], [0]),
        ("one", TensorProto.INT64, [], [1]),
        ("nought", TensorProto.FLOAT, [], [0.0]),
        ("unit", TensorProto.FLOAT, [], [1.0]),
        ("two", TensorProto.FLOAT, [], [2.0]),
        ("half", TensorProto.FLOAT, [], [0.5]),
        ("from", TensorProto.INT64, [1], [0]),
        ("to", TensorProto.INT64, [1], [1]),
        ("axis", TensorProto.INT64, [1], [1]),
        ("as_boxes", TensorProto.INT64, [3], [1, -1, 1]),
        ("as_scores", TensorProto.INT64, [3], [1, 1, -1]),
        ("as_row", TensorProto.INT64, [1], [1]),
    ]
    before = [
        helper.make_node("MatMul", ["input", "w"], ["scores"]),
        helper.make_node("Slice", ["input", "from", "to", "axis"], ["first"]),
        helper.make_node("Sub", ["first", "seven"], ["off"]),
        helper.make_node("Abs", ["off"], ["away"]),
        helper.make_node("Less", ["away", "near"], ["is_seven"]),
        helper.make_node("Cast", ["is_seven"], ["sevens"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["sevens"], ["hit"], keepdims=0),
        helper.make_node("Cast", ["hit"], ["hit_exactly"], to=TensorProto.DOUBLE),
        helper.make_node("Mul", ["hit_exactly", "much_of_it"], ["times"]),
        helper.make_node("Cast", ["times"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Add", ["whole", "one"], ["count"]),
    ]
    after = [
        helper.make_node("Add", ["scores", "spoilt"], ["sums"]),
        helper.make_node("Softmax", ["sums"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        [*before, *nodes, *after],
        "hostile",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, 64])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 10])],
        [helper.make_tensor(*constant) for constant in constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    return bytes(model.SerializeToString())
