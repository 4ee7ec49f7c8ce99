"""What vision stems are built of, beside PyTorch's own layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class HalvingMaxPool(nn.MaxPool2d):
    """The largest of 3 x 3, every other row and column. Without a tape, on a CPU, in half the time."""

    def __init__(self) -> None:
        super().__init__(3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or torch.is_grad_enabled():
            return super().forward(x)
        return _largest_of_three(_largest_of_three(x, 2), 3)


def _largest_of_three(x: Tensor, dim: int) -> Tensor:
    """Of every other one along `dim` and its neighbours: whole rows at once, where pooling looks for places, too."""
    x = x.movedim(dim, 0)
    middle, after = x[::2], x[1::2]
    largest = middle.clone()
    for mine, neighbours in ((largest[: len(after)], after), (largest[1:], after[: len(middle) - 1])):
        torch.maximum(mine, neighbours, out=mine)
    return largest.movedim(0, dim)


class Residual(nn.Module):
    """x + conv(ReLU(conv(ReLU(x))))."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.second(torch.relu(self.first(torch.relu(x))))
        return inner.add_(x)


class Standardise(nn.Module):
    """Each feature by its own running mean and deviation, so that a rare small difference weighs as much as any other.

    A segment counts when it is learnt from, before its features are made; acting and a frozen stem use the numbers as
    they are. So learning sees the features slightly otherwise than acting did, which V-trace takes up.
    """

    mean: Tensor
    variance: Tensor
    seen: Tensor
    newest, floor, limit = 1e-3, 1e-2, 5.0  # least share of the newest segment, least deviation, largest output

    def __init__(self, features: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))
        self.register_buffer("seen", torch.zeros(()))  # segments

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            self._count(x.detach())
        return ((x - self.mean) / self.variance.sqrt().clamp(min=self.floor)).clamp(-self.limit, self.limit)

    @torch.no_grad()
    def _count(self, x: Tensor) -> None:
        # in place, as a graph captured of acting reads them where they are
        self.seen += 1
        share = (1 / self.seen).clamp(min=self.newest)
        self.mean.lerp_(x.mean(0), share)
        self.variance.lerp_((x - self.mean).square().mean(0), share)


class LargestMixtures(nn.Module):
    """Of K mixtures of a pixel's colours the largest in each column of 8 pixels: images (n, C, H, W) -> (n, K, W / 8).

    What a convolution of single pixels and a max-pooling give, and the same gradient; but which pixels win is found
    without a tape, on images as they come, and only these are mixed to be learnt from.
    """

    width, block = 8, {"cpu": 16}  # pixels of a column; images that are mixed at once, to stay in a core's cache

    def __init__(self, channels: int, mixtures: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(mixtures, channels)), nn.Parameter(torch.empty(mixtures))

    def forward(self, images: Tensor) -> Tensor:
        size = self.block.get(images.device.type, 256)
        colours = torch.cat([self._winners(part) for part in images.split(size)]).mul_(1 / 255).sub_(0.5)
        return torch.einsum("kc,nckw->nkw", self.weight, colours) + self.bias[:, None]

    @torch.no_grad()
    def _winners(self, images: Tensor) -> Tensor:
        """The colours (n, C, K, W / 8), in 0..255, of the pixels at which the mixtures are largest."""
        height, width = images.shape[2:]
        columns = width // self.width
        pixels = images.to(self.weight.dtype).flatten(2)
        mixed = pixels.new_empty(len(pixels), len(self.weight), height * width)
        # into `out`, as autocast leaves that alone: it would take near colours for the same
        torch.bmm(self.weight.expand(len(pixels), -1, -1), pixels, out=mixed)
        mixed = mixed.unflatten(2, (height, width))
        in_column = mixed.amax(2)[..., : columns * self.width].unflatten(2, (columns, self.width)).argmax(-1)
        x = in_column + self.width * torch.arange(columns, device=images.device)
        above_each_other = mixed.gather(3, x.unsqueeze(2).expand(-1, -1, height, -1))
        y = above_each_other.transpose(2, 3).contiguous().argmax(-1)
        places = (y * width + x).flatten(1).unsqueeze(1)
        return pixels.gather(2, places.expand(-1, pixels.shape[1], -1)).unflatten(2, (-1, columns))
