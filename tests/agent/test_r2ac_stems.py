"""The R2AC update with a vision stem that is frozen, or that computes in low precision."""

from __future__ import annotations

import pytest
import torch
from r2ac_cases import ACTIONS, B, M, config, segment

from rtrl_bench.agent.vision import VISION
from rtrl_bench.experiments.reinforcement.agents import make_learner, make_network


@pytest.mark.parametrize("method", [{}, {"gradient": "tbptt"}, {"cell": "none", "gradient": "tbptt"}])
def test_a_frozen_stem_leaves_loss_and_gradients_of_all_else_as_they_are(method):
    """Two networks with the same parameters over three segments; the frozen one sees features that it made before."""
    shape, still = (3, 36, 36), {"learning_rate": 1e-30, "gradient_clip": 1e9}
    found = []
    for pretrained in (None, {"run": "anywhere"}):
        settings = config(optimiser=still, pretrained=pretrained, **method)
        torch.manual_seed(0)
        network = make_network(settings, shape, (ACTIONS,))
        learner, carry, seen = make_learner(network, settings), network.core.begin(B), []
        for k in range(3):
            data = segment(shape, seed=k)
            data.observations = network.encode(data.observations.flatten(0, 1)).unflatten(0, (M, B))
            data.next_observation = network.encode(data.next_observation)
            metrics, carry = learner.update(data, carry, 0, k)
            others = [
                p.grad.clone() for n, p in network.named_parameters() if p.numel() and not n.startswith("vision.")
            ]
            seen.append((metrics[:4], others))
        found.append(seen)
    for (metrics, gradients), (frozen_metrics, frozen_gradients) in zip(*found):
        assert torch.equal(metrics, frozen_metrics)
        assert all(torch.equal(one, other) for one, other in zip(gradients, frozen_gradients, strict=True))
        assert any(gradient.abs().max() > 0 for gradient in gradients)


def test_a_frozen_stem_is_neither_in_the_optimiser_nor_in_the_norm():
    settings = config(pretrained={"run": "anywhere"}, optimiser={"gradient_clip": 1e9})
    torch.manual_seed(0)
    network = make_network(settings, (3, 36, 36), (ACTIONS,))
    learner = make_learner(network, settings)
    data = segment((settings.features,))
    metrics, _ = learner.update(data, network.core.begin(B), 0, 1)
    assert all(p.grad is None for p in network.vision.parameters())
    trained = [p for name, p in network.named_parameters() if not name.startswith("vision.")]
    assert {id(p) for p in learner.optimiser.parameters} == {id(p) for p in trained}
    assert float(metrics[4]) == pytest.approx(float(torch.cat([p.grad.flatten() for p in trained]).norm()), rel=1e-5)


def test_low_precision_is_the_stems_alone():
    """Its features are those of autocast; all behind it is what float32 makes of them."""
    shape, found = (3, 36, 36), {}
    data = segment(shape)
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(0)
        network = make_network(config(precision=precision), shape, (ACTIONS,))
        metrics, carry = make_learner(network, config(precision=precision)).update(data, network.core.begin(B), 0, 1)
        gradients = torch.cat([p.grad.flatten() for p in network.parameters()])
        found[precision] = network, metrics, gradients
        assert {p.dtype for p in network.parameters()} == {carry.state.dtype, gradients.dtype} == {torch.float32}
    exact, low = found["float32"], found["bfloat16"]
    seen = data.observations.flatten(0, 1)
    torch.manual_seed(0)
    network = make_network(config(precision="bfloat16"), shape, (ACTIONS,))
    with torch.autocast("cpu", torch.bfloat16):
        expected = network.vision(seen)
    features = network.see(seen)
    assert expected.dtype == torch.bfloat16 and features.dtype == torch.float32
    assert torch.equal(features, expected.float())
    h, _ = network.recur(data.observations, data.last_rewards, data.starts, network.core.begin(B))
    x = network._inputs(features, data.last_rewards.flatten(), data.starts.flatten()).unflatten(0, (M, B))
    assert torch.equal(h, network.core(x, data.starts, network.core.begin(B))[0])
    assert not torch.equal(low[2], exact[2])
    assert torch.nn.functional.cosine_similarity(low[2], exact[2], dim=0) > 0.98
    assert torch.allclose(low[1], exact[1], rtol=0.05)


@pytest.mark.parametrize("vision", [name for name in VISION if VISION[name].takes == "images"])
def test_every_stem_for_images_learns_in_low_precision(vision):
    settings = config(vision=vision, precision="bfloat16")
    torch.manual_seed(0)
    network = make_network(settings, (3, 72, 96), (ACTIONS,))
    make_learner(network, settings).update(segment((3, 72, 96)), network.core.begin(B), 0, 1)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.vision.parameters())
