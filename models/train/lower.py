"""Two rewrites of a QDQ graph for what ONNX Runtime's CPU kernels do slowly in int8; `quantize.py` applies them.

`heads`: the last 1x1 convolution of a head is float, since its numbers are coordinates. The runtime leaves int8 for it,
and its blocked layout, six times. Here its input stays in int8 and its weights become int8 too (per output channel), while
its sums become float without being rounded: one matrix product a branch.

`doublings`: nearest Resize by two has a fast kernel for NCHW only, and the runtime keeps int8 in NHWC. Repeating rows and columns is the same to the bit.
"""
import numpy as np
from onnx import helper, numpy_helper

TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]
CUSTOM = "com.microsoft"


class Graph:
    def __init__(self, model):
        self.graph = model.graph
        self.weights = {i.name: i for i in self.graph.initializer}

    def all(self, kind):
        return [n for n in self.graph.node if n.op_type == kind]

    def maker(self, name):
        return next(n for n in self.graph.node if name in n.output)

    def users(self, name):
        return [n for n in self.graph.node if name in n.input]

    def only_user(self, name, kind):
        user, = self.users(name)
        assert user.op_type == kind, f"{name} goes to {user.op_type}, not {kind}"
        return user

    def constant(self, name, values):
        self.graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def insert(self, before, kind, inputs, output, **attributes):
        at = list(self.graph.node).index(before)
        self.graph.node.insert(at, helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def sweep(self):
        """Removes what nothing reads any more."""
        wanted = {o.name for o in self.graph.output}
        while True:
            read = wanted | {i for n in self.graph.node for i in n.input}
            idle = [n for n in self.graph.node if not set(n.output) & read]
            if not idle:
                break
            for node in idle:
                self.graph.node.remove(node)
        for weight in [i for i in self.graph.initializer if i.name not in read]:
            self.graph.initializer.remove(weight)


def heads(model):
    g = Graph(model)
    model.opset_import.append(helper.make_opsetid(CUSTOM, 1))
    for concat in g.all("Concat"):
        branches, output = [], concat.output[0]
        concat.output[0] = f"{output}_before"
        for name in concat.input:
            conv = g.maker(name)
            quantised, scale, zero = g.maker(conv.input[0]).input
            weight = numpy_helper.to_array(g.weights[conv.input[1]])[:, :, 0, 0]
            step = (np.abs(weight).max(1) / 127).astype(np.float32)
            whole = np.ascontiguousarray(np.round(weight / step[:, None]).astype(np.int8).T)
            rows = g.insert(concat, "Transpose", [quantised], f"{name}_rows", perm=TO_NHWC)
            product = [rows, g.constant(f"{name}_weight", whole), scale, g.constant(f"{name}_step", step), zero, "",
                       conv.input[2]]
            branches.append(g.insert(concat, "MatMulIntegerToFloat", product, f"{name}_sums", domain=CUSTOM))
        both = g.insert(concat, "Concat", branches, f"{output}_rows", axis=3)
        g.insert(concat, "Transpose", [both], output, perm=TO_NCHW)
    g.sweep()


def doublings(model):
    g = Graph(model)
    g.constant("twice", np.int64([1, 1, 2, 1, 2, 1]))
    g.constant("after_rows_and_columns", np.int64([2, 4]))
    for resize in g.all("Resize"):
        before = g.maker(resize.input[0])  # DequantizeLinear
        after = g.only_user(g.only_user(resize.output[0], "QuantizeLinear").output[0], "DequantizeLinear")
        join = g.only_user(after.output[0], "Add")
        beside = g.maker(next(i for i in join.input if i != after.output[0]))  # of the size that is wanted
        name = resize.name
        rows = g.insert(after, "Transpose", [before.input[0]], f"{name}_rows", perm=TO_NHWC)
        apart = g.insert(after, "Unsqueeze", [rows, "after_rows_and_columns"], f"{name}_apart")
        repeated = g.insert(after, "Expand", [apart, "twice"], f"{name}_repeated")
        like = g.insert(after, "Transpose", [beside.input[0]], f"{name}_like", perm=TO_NHWC)
        size = g.insert(after, "Shape", [like], f"{name}_size")
        doubled = g.insert(after, "Reshape", [repeated, size], f"{name}_doubled")
        after.input[0] = g.insert(after, "Transpose", [doubled], f"{name}_planes", perm=TO_NCHW)
        after.input[1:] = before.input[1:]  # what is repeated keeps its scale
    g.sweep()
