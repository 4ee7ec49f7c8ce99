"""Vision stems: from observations (n, ...) to features (n, F). Images are uint8 (n, C, H, W), run channels-last."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from rtrl_bench.agent.vision_layers import HalvingMaxPool, LargestMixtures, Residual, Standardise
from rtrl_bench.errors import ConfigError
from rtrl_bench.registry import Registry
from rtrl_bench.shapes_alone import shapes_alone


class Stem(nn.Module):
    """Base of the stems; `output_size` is F."""

    takes: ClassVar[str]  # "images" or "vectors"
    output_size: int


VISION: Registry[type[Stem]] = Registry("vision stem", "rtrl_bench.agent")


def build(name: str, shape: tuple[int, ...], features: int) -> Stem:
    """The stem `name` for observations of `shape`; ConfigError if it does not fit them."""
    stem = VISION[name]
    kind = "images" if len(shape) == 3 else "vectors"
    problem = f"takes {stem.takes}, the observations are {kind} of shape {shape}" if stem.takes != kind else None
    try:
        if problem is None:
            made = stem(shape, features)
            return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    except TooSmall:
        problem = f"images of shape {shape} (channels x height x width) are too small for it"
    fitting = [other for other in VISION if VISION[other].takes == kind and _fits(VISION[other], shape)]
    fix = f"use one of {', '.join(fitting)}" if fitting else "none of the stems takes them"
    raise ConfigError(f"vision = {name!r}: {problem}; {fix}")


class TooSmall(ValueError):
    """Nothing is left of an image after a stem's convolutions."""


def _fits(stem: type[Stem], shape: tuple[int, ...]) -> bool:
    try:
        with shapes_alone():
            stem(shape, 1)
        return True
    except TooSmall:
        return False


def unit_scale(images: Tensor) -> Tensor:
    """uint8 (n, C, H, W) to float in [0, 1], channels-last."""
    return images.contiguous(memory_format=torch.channels_last).float().mul_(1 / 255)


@VISION.register("impala")
class Impala(Stem):
    """The deep residual network of IMPALA (Espeholt et al. 2018, figure 3, right), as in the paper."""

    takes = "images"

    def __init__(self, shape: tuple[int, ...], features: int):
        super().__init__()
        self.output_size = features
        stacks: list[nn.Module] = []
        channels = shape[0]
        for width in (16, 32, 32):
            stacks += [nn.Conv2d(channels, width, 3, padding=1), HalvingMaxPool()]
            stacks += [Residual(width), Residual(width)]
            channels = width
        self.stacks = nn.Sequential(*stacks, nn.ReLU(), nn.Flatten())
        self.linear = nn.Linear(_flat_size(self.stacks, shape), features)

    def forward(self, observation: Tensor) -> Tensor:
        return torch.relu(self.linear(self.stacks(unit_scale(observation))))


class Convolutions(Stem):
    """Convolutions with ReLU, then a linear layer with ReLU; `layers` are (channels, kernel size, stride)."""

    takes = "images"
    layers: ClassVar[tuple[tuple[int, int, int], ...]]

    def __init__(self, shape: tuple[int, ...], features: int):
        super().__init__()
        self.output_size = features
        modules: list[nn.Module] = []
        channels = shape[0]
        for width, kernel, stride in self.layers:
            modules += [nn.Conv2d(channels, width, kernel, stride=stride), nn.ReLU()]
            channels = width
        self.convolutions = nn.Sequential(*modules, nn.Flatten())
        self.linear = nn.Linear(_flat_size(self.convolutions, shape), features)

    def forward(self, observation: Tensor) -> Tensor:
        return torch.relu(self.linear(self.convolutions(unit_scale(observation))))


@VISION.register("nature")
class Nature(Convolutions):
    """The small convolutional network of Mnih et al. 2015: about ten times cheaper than impala, for CPUs."""

    layers = ((32, 8, 4), (64, 4, 2), (64, 3, 1))


@VISION.register("small")
class Small(Convolutions):
    """The first one, of Mnih et al. 2013 (arXiv:1312.5602): three times cheaper again."""

    layers = ((16, 8, 4), (32, 4, 2))


@VISION.register("pooled")
class Pooled(Stem):
    """Ours, for objects of a few pixels, at the cost of `small`: max-pooling keeps the one patch that stands out.

    Colours are centred, weights begin orthogonal and features normalised (Ba et al. 2016, arXiv:1607.06450), so that
    a small difference between two images is not a small one between their features.
    """

    takes = "images"

    def __init__(self, shape: tuple[int, ...], features: int):
        super().__init__()
        self.output_size = features
        self.convolutions = nn.Sequential(
            *(nn.Conv2d(shape[0], 16, 3, stride=3), HalvingMaxPool(), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, padding=1), HalvingMaxPool(), nn.ReLU()),
            nn.Flatten(),
        )
        self.linear = nn.Linear(_flat_size(self.convolutions, shape), features)
        self.norm = nn.LayerNorm(features)
        _orthogonal_(self.convolutions, self.linear)

    def forward(self, observation: Tensor) -> Tensor:
        return torch.relu(self.norm(self.linear(self.convolutions(unit_scale(observation).sub_(0.5)))))


@VISION.register("colours")
class Colours(Stem):
    """Ours, for small objects that differ in colour: which colours are in sight, and in which direction.

    Each pixel by itself becomes 8 mixtures of its colours; of each the largest counts in columns of 8 pixels' width and
    in the left and the right half, by how unusual it is there. In RGB the mixtures begin as hues all around the colour
    circle: random ones may tell two of the colours that matter apart in no seed but a lucky one, and training does not
    mend it. Greys look alike to hues. The rest of the start and the last norm are those of `pooled`.
    """

    takes = "images"

    def __init__(self, shape: tuple[int, ...], features: int):
        super().__init__()
        self.output_size = features
        self.columns = LargestMixtures(shape[0], 8)
        self.halves = nn.AdaptiveMaxPool1d(2)
        size = _flat_size(self._largest, shape)
        self.standardise, self.linear, self.norm = Standardise(size), nn.Linear(size, features), nn.LayerNorm(features)
        _orthogonal_(self.columns, self.linear)
        if shape[0] == 3:
            _hues_(self.columns.weight)

    def forward(self, observation: Tensor) -> Tensor:
        largest = self.standardise(self._largest(observation))
        return torch.relu(self.norm(self.linear(largest)))

    def _largest(self, images: Tensor) -> Tensor:
        columns = self.columns(images)
        return torch.cat([columns, self.halves(columns)], dim=-1).flatten(1)


@VISION.register("flat")
class Flat(Stem):
    """Vector observations as they are: nothing is trained below the recurrent layer."""

    takes = "vectors"

    def __init__(self, shape: tuple[int, ...], features: int):
        super().__init__()
        self.output_size = shape[0]

    def forward(self, observation: Tensor) -> Tensor:
        return observation.float()


def _orthogonal_(*modules: nn.Module) -> None:
    """Begin with orthogonal weights (Saxe et al. 2014), scaled for a ReLU behind them, and biases of zero."""
    for parameter in (parameter for module in modules for parameter in module.parameters()):
        if parameter.dim() > 1:
            nn.init.orthogonal_(parameter, nn.init.calculate_gain("relu"))
        else:
            nn.init.zeros_(parameter)


@torch.no_grad()
def _hues_(weight: Tensor) -> None:
    """Fill (n, 3) with n unit mixtures of R, G, B at equal angles around the grey axis, the first of them red."""
    angle = torch.arange(len(weight)) * (2 * torch.pi / len(weight))
    circle = torch.tensor([[2.0, -1.0, -1.0], [0.0, 3**0.5, -(3**0.5)]]) / 6**0.5
    weight[:] = torch.stack([angle.cos(), angle.sin()], dim=-1) @ circle


def _flat_size(layers: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> int:
    """How many numbers `layers` leave of an image."""
    try:
        with torch.no_grad():
            size = int(layers(torch.zeros(1, *shape)).shape[1])
    except RuntimeError as error:
        raise TooSmall(f"images of shape {shape}") from error
    if size < 1:  # on the meta device before torch 2.12 a convolution does not refuse what is too small
        raise TooSmall(f"images of shape {shape}")
    return size
