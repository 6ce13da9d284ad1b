"""CondenseNets in PyTorch, as somebody would write them there: what the peers of the benchmarks run.

The training form has dense, masked 1x1 convolutions, as the original code trains them; the converted form has an index, a
standard group convolution and a shuffle. Weights are random: only time is measured.
"""
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Shape:
    """What a preset looks like; groups are its condensation factor too."""

    layers: tuple
    growth: tuple
    groups: int = 4
    stride: int = 1
    classes: int = 10
    side: int = 32


def cifar(layers, growth=(8, 16, 32)):
    return Shape((layers,) * 3, growth)


def imagenet(groups):
    return Shape((4, 6, 8, 10, 8), (8, 16, 32, 64, 128), groups, stride=2, classes=1000, side=224)


PRESETS = {
    "cifar_50": cifar(8),
    "cifar_74": cifar(12),
    "cifar_86": cifar(14),
    "cifar_98": cifar(16),
    "cifar_110": cifar(18),
    "cifar_122": cifar(20),
    "cifar_182": cifar(30, (12, 24, 48)),
    "imagenet_74_c4": imagenet(4),
    "imagenet_74_c8": imagenet(8),
}


class Learned(nn.Module):
    """norm -> ReLU -> masked 1x1, each group with 1 / groups of its inputs if it is condensed."""

    def __init__(self, channels_in, channels_out, groups, condensed):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels_in)
        self.conv = nn.Conv2d(channels_in, channels_out, 1, bias=False)
        mask = torch.ones_like(self.conv.weight)
        if condensed:
            mask = torch.zeros_like(mask)
            for group, kept in enumerate(kept_inputs(channels_in, groups)):
                mask[group::groups, kept] = 1
        self.register_buffer("mask", mask)

    def forward(self, x):
        return nn.functional.conv2d(torch.relu_(self.norm(x)), self.conv.weight * self.mask)


class Condensed(nn.Module):
    """index -> norm -> ReLU -> group convolution -> shuffle."""

    def __init__(self, channels_in, channels_out, groups):
        super().__init__()
        index = torch.cat(kept_inputs(channels_in, groups))
        self.groups = groups
        self.register_buffer("index", index)
        self.norm = nn.BatchNorm2d(len(index))
        self.conv = nn.Conv2d(len(index), channels_out, 1, groups=groups, bias=False)

    def forward(self, x):
        x = self.conv(torch.relu_(self.norm(x.index_select(1, self.index))))
        batch_size, channels, height, width = x.shape
        x = x.view(batch_size, self.groups, channels // self.groups, height, width)
        return x.transpose(1, 2).reshape(batch_size, channels, height, width)


class DenseLayer(nn.Module):
    def __init__(self, bottleneck, width, growth, groups):
        super().__init__()
        self.bottleneck = bottleneck
        self.norm = nn.BatchNorm2d(width)
        self.conv = nn.Conv2d(width, growth, 3, padding=1, groups=groups, bias=False)

    def forward(self, x):
        return torch.cat([x, self.conv(torch.relu_(self.norm(self.bottleneck(x))))], 1)


def kept_inputs(channels_in, groups):
    """What each group keeps: random, sorted."""
    return [torch.sort(torch.randperm(channels_in)[: channels_in // groups]).values for _ in range(groups)]


def condensenet(name, form="training", condensed=False):
    """A preset in the form `training` or `converted`; `condensed` drops connections of the training form too."""
    shape = PRESETS[name]
    channels = 2 * shape.growth[0]
    modules = [nn.Conv2d(3, channels, 3, shape.stride, 1, bias=False)]
    for block, (layers, growth) in enumerate(zip(shape.layers, shape.growth)):
        if block:
            modules.append(nn.AvgPool2d(2))
        for _ in range(layers):
            width = 4 * growth
            if form == "converted":
                bottleneck = Condensed(channels, width, shape.groups)
            else:
                bottleneck = Learned(channels, width, shape.groups, condensed)
            modules.append(DenseLayer(bottleneck, width, growth, shape.groups))
            channels += growth
    tail = [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*modules, *tail, nn.Linear(channels, shape.classes))


def training_step(model, images, labels):
    """Returns a function that trains the model a step, by the paper's recipe."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step
