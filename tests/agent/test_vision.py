"""Vision stems: what they compute, and which observations they fit."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest
import torch

from rtrl_bench.agent import vision, vision_layers
from rtrl_bench.errors import ConfigError


@pytest.mark.parametrize("stem", ["impala", "nature", "small", "pooled", "colours"])
@pytest.mark.parametrize("shape", [(3, 72, 96), (4, 84, 84), (3, 64, 64)])
def test_image_stems_give_the_configured_features_for_the_papers_frames(stem, shape):
    network = vision.build(stem, shape, 16)
    features = network(torch.zeros(2, *shape, dtype=torch.uint8))
    assert features.shape == (2, 16)
    assert network.output_size == 16


def test_impala_has_the_papers_layers():
    network = vision.build("impala", (4, 84, 84), 256)
    convolutions = [m.out_channels for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert convolutions == [16] * 5 + [32] * 5 + [32] * 5
    assert network.linear.in_features == 32 * 11 * 11


def test_pooled_finds_the_patch_that_stands_out_wherever_it_is():
    torch.manual_seed(0)
    network = vision.build("pooled", (3, 72, 96), 16)
    pooled = torch.nn.Sequential(*list(network.convolutions)[:3])
    pink = torch.tensor([255.0, 77.0, 152.0])[:, None, None] / 255 - 0.5
    responses = []
    for y, x in ((9, 12), (30, 60), (57, 81)):
        image = torch.full((1, 3, 72, 96), -0.5)
        image[0, :, y : y + 3, x : x + 3] = pink
        responses.append(pooled(image).amax(dim=(2, 3)))
    assert torch.equal(responses[0], responses[1]) and torch.equal(responses[1], responses[2])
    assert not torch.equal(responses[0], pooled(torch.full((1, 3, 72, 96), -0.5)).amax(dim=(2, 3)))


def test_colours_begins_with_hues_of_which_each_colour_has_a_nearest_and_grey_none():
    mixtures = vision.build("colours", (3, 72, 96), 16).columns.weight
    assert torch.allclose(mixtures @ torch.ones(3), torch.zeros(8), atol=1e-6)
    colours = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 1, 1], [1, 0, 1]])  # red, green, cyan, magenta
    assert (mixtures @ colours.T).argmax(0).tolist() == [0, 3, 4, 7]


def test_colours_sees_an_object_in_its_direction_at_any_height():
    torch.manual_seed(0)
    columns = vision.build("colours", (3, 72, 96), 16).columns  # (n, 8, 12)
    pink = torch.tensor([255, 77, 152], dtype=torch.uint8)[:, None, None]
    empty = torch.zeros(1, 3, 72, 96, dtype=torch.uint8)
    seen = []
    for y in (9, 40):
        image = empty.clone()
        image[0, :, y : y + 3, 42:45] = pink
        seen.append(columns(image))
    changed = (seen[0] != columns(empty)).any(dim=1)
    assert torch.equal(seen[0], seen[1])
    assert changed.nonzero().tolist() == [[0, 42 // 8]]


@pytest.mark.parametrize("size", [(24, 32), (5, 7), (1, 2)])
def test_pooling_without_a_tape_gives_the_numbers_and_the_layout_of_pooling_with_one(size):
    images = torch.randn(3, 4, *size).contiguous(memory_format=torch.channels_last)
    pooled = torch.nn.functional.max_pool2d(images, 3, stride=2, padding=1)
    with torch.no_grad():
        found = vision_layers.HalvingMaxPool()(images)
    assert torch.equal(found, pooled)
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("shape", [(40, 3, 9, 24), (2, 4, 5, 21)])
def test_largest_mixtures_and_their_gradient_are_those_of_a_convolution_and_a_max_pooling(shape):
    torch.manual_seed(0)
    layer = vision_layers.LargestMixtures(shape[1], 8).double()
    images = torch.randint(0, 256, shape, dtype=torch.uint8)
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    mixed = torch.nn.functional.conv2d(images.double() / 255 - 0.5, layer.weight[:, :, None, None], layer.bias)
    pooled = torch.nn.functional.max_pool2d(mixed, (shape[2], 8)).squeeze(2)
    found = layer(images)
    v = torch.randn_like(found)
    parameters = list(layer.parameters())
    expected = torch.autograd.grad((pooled * v).sum(), parameters)
    torch.testing.assert_close(found, pooled, rtol=1e-12, atol=1e-12)
    for mine, truth in zip(torch.autograd.grad((found * v).sum(), parameters), expected, strict=True):
        torch.testing.assert_close(mine, truth, rtol=1e-10, atol=1e-10)


def test_standardise_keeps_a_running_mean_and_deviation_of_each_feature(monkeypatch):
    monkeypatch.setattr(vision_layers.Standardise, "newest", 0.2)
    random = np.random.default_rng(0)
    layer = vision_layers.Standardise(3).double()
    mean = variance = np.zeros(3)
    for number in range(1, 9):
        x = random.normal((0.0, 5.0, 3.0), (1.0, 0.1, 0.0), (50, 3))
        out = layer(torch.from_numpy(x))
        share = max(1 / number, 0.2)
        mean = (1 - share) * mean + share * x.mean(axis=0)
        variance = (1 - share) * variance + share * ((x - mean) ** 2).mean(axis=0)
    expected = np.clip((x - mean) / np.maximum(np.sqrt(variance), layer.floor), -layer.limit, layer.limit)
    np.testing.assert_allclose(out.numpy(), expected, atol=1e-10)


def test_acting_and_evaluating_change_nothing_in_standardise():
    layer = vision_layers.Standardise(3)
    layer(torch.randn(5, 3))
    before = copy.deepcopy(layer.state_dict())
    with torch.no_grad():
        layer(torch.randn(5, 3))
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


@pytest.mark.parametrize(("stem", "shape"), [("impala", (7,)), ("nature", (7,)), ("flat", (3, 64, 64))])
def test_a_stem_that_does_not_fit_the_observations_is_refused_with_those_that_do(stem, shape):
    with pytest.raises(ConfigError, match="use one of"):
        vision.build(stem, shape, 16)


def test_stems_that_are_too_large_are_not_suggested_for_small_images():
    with pytest.raises(ConfigError, match=r"takes vectors, the observations are images .*; use one of impala, pooled$"):
        vision.build("flat", (3, 7, 7), 16)


@pytest.mark.parametrize(
    ("stem", "shape", "fitting"),
    [
        ("nature", (3, 16, 16), "colours, impala, pooled"),
        ("small", (3, 19, 40), "colours, impala, pooled"),
        ("colours", (4, 10, 7), "impala, pooled"),
        ("pooled", (1, 2, 2), "impala"),
    ],
)
def test_images_too_small_for_a_stem_are_refused_with_its_name_and_the_stems_that_fit(stem, shape, fitting):
    size = re.escape(str(shape))
    with pytest.raises(
        ConfigError, match=rf"vision = '{stem}': images of shape {size} .* too small.*; use one of {fitting}$"
    ):
        vision.build(stem, shape, 16)
    for other in fitting.split(", "):
        assert vision.build(other, shape, 16)(torch.zeros(2, *shape, dtype=torch.uint8)).shape == (2, 16)
