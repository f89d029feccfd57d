"""Two changes that keep an int8 network near to the float one; `quantize.py` applies them. Neither costs time when it runs.

`evened`: all channels of a tensor share one scale in int8, so that a channel that is always small has few steps. Between two
convolutions with a Relu a channel may be made larger and its weights behind smaller: before the tensor is quantised, its
channels are brought nearer to each other. A depthwise convolution has a scale of its own for each channel's weights and takes any
factor; for others it is the root of what would even out the activations and of what would even out the weights.

`centred`: rounded weights and clipped ranges move the mean of a channel. The bias takes that back, convolution by convolution
from the input on, measured on photos.
"""
import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from lower import Graph

LEAST = 1e-3  # of the largest channel: one that is hardly ever used is not blown up any further


def evened(model, feeds):
    g = Graph(model)
    pairs = []
    for relu in g.all("Relu"):
        before, users = g.maker(relu.input[0]), g.users(relu.output[0])
        if before.op_type == "Conv" and len(users) == 1 and users[0].op_type == "Conv" and len(g.users(before.output[0])) == 1:
            pairs.append((before, relu.output[0], users[0]))
    peaks = over_photos(model, [name for _, name, _ in pairs], feeds, lambda values: values.max((0, 2, 3)), np.maximum)
    for (before, _, after), peak in zip(pairs, peaks):
        weights, bias, behind = (g.weights[name] for name in (*before.input[1:], after.input[1]))
        w, b, v = (numpy_helper.to_array(each) for each in (weights, bias, behind))
        peak = np.maximum(peak, peak.max() * LEAST)
        depthwise = v.shape[1] == 1 and len(v) == len(peak)
        if depthwise:
            factor = peak.max() / peak
        else:
            behind_peak = np.abs(v).max((0, 2, 3))
            factor = np.sqrt(np.maximum(behind_peak, behind_peak.max() * LEAST) / peak)
            factor *= peak.max() / (peak * factor).max()
        put(weights, w * factor[:, None, None, None])
        put(bias, b * factor)
        put(behind, v / (factor[:, None, None, None] if depthwise else factor[None, :, None, None]))


def centred(quantised, exact, feeds):
    """`quantised` is a QDQ graph made of `exact`; their convolutions have the same names."""
    g, feeds = Graph(quantised), list(feeds)
    before = {node.name: node for node in exact.graph.node}
    convs = [node for node in g.all("Conv") if node.name in before]
    mean, count = lambda values: values.mean((0, 2, 3)), len(feeds)
    wanted = over_photos(exact, [before[conv.name].output[0] for conv in convs], feeds, mean, np.add)
    for conv, aim in zip(convs, wanted):
        found, = over_photos(quantised, [conv.output[0]], feeds, mean, np.add)
        off = (aim - found) / count
        bias = g.weights.get(conv.input[2])
        if bias is not None:
            put(bias, numpy_helper.to_array(bias) + off)
            continue
        whole, step = (g.weights[name] for name in g.maker(conv.input[2]).input[:2])
        put(whole, numpy_helper.to_array(whole) + np.round(off / numpy_helper.to_array(step)))


def over_photos(model, names, feeds, each, join):
    """What `each` makes of the tensors of these names, joined over all feeds."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    known = {output.name for output in shown.graph.output}
    shown.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names if name not in known)
    session = onnxruntime.InferenceSession(shown.SerializeToString(), providers=["CPUExecutionProvider"])
    found = None
    for feed in feeds:
        made = [each(values) for values in session.run(names, feed)]
        found = made if found is None else [join(a, b) for a, b in zip(found, made)]
    return found


def put(initializer, values):
    old = numpy_helper.to_array(initializer)
    initializer.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values, dtype=old.dtype), initializer.name))
