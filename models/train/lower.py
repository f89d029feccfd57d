"""Three rewrites of a QDQ graph for what ONNX Runtime's CPU kernels do slowly in int8; `quantize.py` applies them.

`heads`: the last 1x1 convolution of a head is float, since its numbers are coordinates. The runtime leaves int8 for it,
and its blocked layout, six times. Here its input stays in int8 and its weights become int8 too (per output channel), while
its sums become float without being rounded: one matrix product a branch.

`doublings`: nearest Resize by two has a fast kernel for NCHW only, and the runtime keeps int8 in NHWC. Repeating rows and columns is the same to the bit.

`patches`: the first convolution has three channels, of which an int8 kernel makes little, and a float one must be translated into
int8 and NHWC afterwards: together a quarter of the network's time. Here the network is given the bytes under each place of
that convolution, as the plugin lays them out while it scales the picture, and what is left is a matrix product. They are luma
of nine pixels and one chroma, as a camera has it, so that nothing is made into red, green and blue first. The convolution was trained
to see no more (`CameraConv` in `network.py`), so that its weights of colours are those of luma and chroma, put in another way.
"""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from colors import BLACK, GREY, RGB_OF_YUV

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


PATCH = 12  # bytes: luma of three times three pixels, Cb, Cr, and one without a weight, since four are multiplied at once
ZERO = 128  # the byte that a weight's sum is taken from


def patches(model, mean, scale):
    """`mean` and `scale`: what a float input would have been normalised with."""
    g = Graph(model)
    picture = g.graph.input[0]
    conv = g.only_user(picture.name, "Conv")
    settings = {a.name: helper.get_attribute_value(a) for a in conv.attribute}
    assert settings["kernel_shape"] == [3, 3] and settings["strides"] == [2, 2] and settings["pads"] == [1] * 4, settings
    relu = g.only_user(conv.output[0], "Relu")
    of_rgb, bias = (numpy_helper.to_array(g.weights[name]).astype(np.float64) for name in conv.input[1:])
    of_yuv = np.einsum("nchw,cd->ndhw", of_rgb, RGB_OF_YUV) * scale
    luma, chroma = of_yuv[:, 0].reshape(len(of_yuv), 9), of_yuv[:, 1:].sum((2, 3))
    even = np.pad(np.tile(chroma[..., None, None] / 4, (2, 2)), ((0, 0), (0, 0), (1, 0), (1, 0)))
    assert np.allclose(of_yuv[:, 1:], even, atol=np.abs(of_yuv).max() * 1e-3), "the first convolution sees more of chroma than patches have"
    flat = np.concatenate([luma, chroma, np.zeros((len(luma), 1))], 1)
    step = (np.abs(flat).max(1) / 127).astype(np.float32)
    whole_weight = rounded(flat / step[:, None], 9)
    bias = bias - of_rgb.sum((1, 2, 3)) * mean * scale
    bias = bias + (whole_weight * step[:, None]) @ (ZERO - np.array([BLACK] * 9 + [GREY] * 3))

    g.graph.input.remove(picture)
    shape = [1, "half_height", "half_width", PATCH]
    g.graph.input.insert(0, helper.make_tensor_value_info(picture.name, TensorProto.UINT8, shape))
    unit = g.constant("patch_unit", np.float32(1))
    seen = g.insert(conv, "DequantizeLinear", [picture.name, unit, g.constant("patch_zero", np.uint8(ZERO))], "patches_seen")
    planes = g.insert(conv, "Transpose", [seen], "patches_planes", perm=TO_NCHW)
    weight = g.constant("patch_weight", whole_weight.astype(np.int8)[:, :, None, None])
    steps = [g.constant("patch_step", step), g.constant("patch_even", np.zeros(len(step), np.int8))]
    weights = g.insert(conv, "DequantizeLinear", [weight, *steps], "patch_weights", axis=0)
    steps = [g.constant("patch_bias_step", step), g.constant("patch_bias_even", np.zeros(len(step), np.int32))]
    whole_bias = g.constant("patch_bias", np.round(bias / step).astype(np.int32))
    biases = g.insert(conv, "DequantizeLinear", [whole_bias, *steps], "patch_biases", axis=0)
    summed = g.insert(conv, "Conv", [planes, weights, biases], "patch_sums", kernel_shape=[1, 1])
    relu.input[0] = summed
    g.sweep()


def rounded(weights, alike):
    """Whole weights, the first of which keep their sum as well as whole numbers can: neighbouring pixels differ little, so that it is what counts.
    Where chroma has large weights, those of luma are small whole numbers."""
    whole = np.round(weights)
    exact = weights[:, :alike]
    down = np.floor(exact)
    rank = np.argsort(np.argsort(down - exact, 1), 1)
    whole[:, :alike] = down + (rank < np.round((exact - down).sum(1, keepdims=True)))
    return whole


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
