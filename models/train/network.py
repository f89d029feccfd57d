"""The network: a small residual backbone, a top-down pyramid, one head per stride.

    input  [N, 3, H, W]   RGB, (x - 127.5) / 128, H and W multiples of 32
    output three tensors, strides 8, 16 and 32, each [N, 18, H/S, W/S]:
             0      face logit
             1..3   label logits: mask, no_mask, incorrect
             4..7   box   dx, dy, lw, lh    centre = (cell + 0.5 + d) * S, size = exp(l) * S
             8..17  five landmarks x, y     point  = (cell + 0.5 + v) * S

Every convolution but the last of each head is followed by BatchNorm, which `fold` melts into it, so that the exported
graph holds nothing but Conv, Relu, Add, Resize and Concat. Two rules come from what ONNX Runtime's blocked (NCHWc) CPU kernels do well: channel counts
are multiples of 16, and the stem, where there are few channels, has plain 3x3 convolutions, since a depthwise one there
costs nearly as much as a plain one (it is bound by memory).

The first of them sees colour as coarsely as a camera sends it (`CameraConv`), so that the int8 variant can be given luma
and chroma as they come (`lower.py`).
"""
import torch
from torch import nn

from colors import RGB_OF_YUV

STRIDES = (8, 16, 32)
LABELS = ("mask", "no_mask", "incorrect")
CHANNELS_OUT = 1 + len(LABELS) + 4 + 10

# Width of the stem's two convolutions; of the stages at strides 8, 16, 32; residual blocks in each; pyramid; head;
# residual blocks before "where" in each head.
DEFAULT = {"stem": (16, 32), "stages": (64, 96, 128), "blocks": (1, 2, 3), "pyramid": 48, "head": (48, 48),
           "deeper": (0, 1, 1)}


class HalvingDepthwise(nn.Conv2d):
    """A depthwise convolution of stride 2. PyTorch's gradient of it takes four times as long on a CPU as that of the
    same convolution at every place, so training takes every place and drops three of four."""

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        return nn.functional.conv2d(x, self.weight, self.bias, 1, self.padding, 1, self.groups)[..., ::2, ::2]


class CameraConv(nn.Conv2d):
    """A 3x3 convolution of stride 2 on RGB that sees luma of nine pixels and one chroma: the mean over the two by two
    pixels that are in its place of the half-sized grid (the last two rows and columns of the kernel)."""

    def forward(self, x):
        if torch.onnx.is_in_onnx_export():  # `fold` has settled it
            return super().forward(x)
        return self._conv_forward(x, self.seen(), self.bias)

    def seen(self):
        """The weights, with what they do with chroma summed and shared out evenly."""
        matrix = torch.as_tensor(RGB_OF_YUV, dtype=self.weight.dtype)
        luma, chroma = torch.einsum("nchw,cd->dnhw", self.weight, matrix).split([1, 2])
        even = chroma.sum((2, 3), keepdim=True).expand(-1, -1, 2, 2) / 4
        even = nn.functional.pad(even, (1, 0, 1, 0))
        return torch.einsum("dnhw,dc->nchw", torch.cat([luma, even]), torch.linalg.inv(matrix))


class ConvBn(nn.Sequential):
    def __init__(self, c_in, c_out, kernel=3, stride=1, groups=1, relu=True):
        kind = CameraConv if c_in == 3 else HalvingDepthwise if groups > 1 and stride == 2 else nn.Conv2d
        layers = [kind(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(c_out)]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class Separable(nn.Sequential):
    """Depthwise 3x3, then pointwise."""

    def __init__(self, c_in, c_out, stride=1, relu=True):
        super().__init__(ConvBn(c_in, c_in, 3, stride, groups=c_in), ConvBn(c_in, c_out, 1, relu=relu))


class Residual(nn.Module):
    """relu(x + f(x)), f two separable convolutions."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(Separable(channels, channels), Separable(channels, channels, relu=False))
        nn.init.constant_(self.body[1][1][1].weight, 0.2)  # near the identity at the start

    def forward(self, x):
        return torch.relu(x + self.body(x))


class Head(nn.Module):
    """Two branches, so that what a thing is and where it is need not share features; one tensor out."""

    def __init__(self, c_in, what, where, deeper):
        super().__init__()
        self.what = nn.Sequential(Separable(c_in, what), nn.Conv2d(what, 1 + len(LABELS), 1))
        self.where = nn.Sequential(Separable(c_in, where), nn.Conv2d(where, 4 + 10, 1))
        self.deeper = nn.Sequential(*[Residual(where) for _ in range(deeper)])
        nn.init.zeros_(self.what[-1].bias)
        nn.init.zeros_(self.where[-1].bias)
        self.what[-1].bias.data[0] = -4.6  # a face at one cell in a hundred: keeps the first steps calm
        self.where[-1].bias.data[2:4] = 1.0

    def forward(self, x):
        first, last = self.where
        return torch.cat([self.what(x), last(self.deeper(first(x)))], 1)


class MaskCount(nn.Module):
    def __init__(self, stem, stages, blocks, pyramid, head, deeper):
        super().__init__()
        self.folded = False
        self.config = dict(stem=stem, stages=stages, blocks=blocks, pyramid=pyramid, head=head, deeper=deeper)
        self.stem = nn.Sequential(ConvBn(3, stem[0], 3, 2), ConvBn(stem[0], stem[1], 3, 2))
        self.stages = nn.ModuleList(
            nn.Sequential(Separable(c_in, c_out, 2), *[Residual(c_out) for _ in range(n)])
            for c_in, c_out, n in zip((stem[1], *stages), stages, blocks))
        self.lateral = nn.ModuleList(ConvBn(c, pyramid, 1, relu=False) for c in stages)
        self.smooth = Separable(pyramid, pyramid)
        self.heads = nn.ModuleList(Head(pyramid, *head, blocks) for blocks in deeper)

    def forward(self, x):
        x = self.stem(x)
        levels = []
        for stage, lateral in zip(self.stages, self.lateral):
            x = stage(x)
            levels.append(lateral(x))
        s8, s16, s32 = levels
        s32 = torch.relu(s32)
        s16 = self.smooth(torch.relu(s16 + upsample(s32)))
        s8 = torch.relu(s8 + upsample(s16))
        return tuple(head(level) for head, level in zip(self.heads, (s8, s16, s32)))


def upsample(x):
    return nn.functional.interpolate(x, scale_factor=2, mode="nearest")


def fold(net):
    """Melt every BatchNorm into the convolution before it (for a trained net; changes `net`)."""
    net.eval()
    for module in net.modules():
        if isinstance(module, ConvBn) and isinstance(module[1], nn.BatchNorm2d):
            module[0] = nn.utils.fusion.fuse_conv_bn_eval(module[0], module[1])
            module[1] = nn.Identity()
    first = net.stem[0][0]
    first.weight.data = first.seen().detach()
    net.folded = True
    return net


def restore(saved, weights):
    """The net of a checkpoint of `train.py`; `weights` is `average` or `net`."""
    net = MaskCount(**saved["config"])
    if saved.get("folded"):
        fold(net)
    net.load_state_dict(saved[weights])
    return net
