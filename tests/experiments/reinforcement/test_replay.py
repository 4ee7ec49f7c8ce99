"""Acting as on a GPU, in one launch and one copy each way and step: the same run as without."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from device_apart import device_apart  # noqa: F401 (a fixture)
from pairs import PAIRS
from pictures import pictures  # noqa: F401 (a fixture)
from small_runs import assert_same_run, config, game, interrupt
from waits import Waits

from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement import replay
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.experiments.reinforcement.replay import Replayed
from rtrl_bench.experiments.reinforcement.transfer import FromDevice, ToDevice, side_by_side

CPU = torch.device("cpu")
RUNS = {
    "vectors": config(),
    "beside": config(deterministic=False),
    "two layers": config(layers=2, gradient="rtrl_segment"),
    "images": game("pictures", env_steps=60),
    "a stem with buffers": game("pictures", env_steps=60, vision="colours"),
    "factors, cut": config(**PAIRS | {"environment_options": {"limit": 2}}, loss={"bootstrap_truncation": True}),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_replayed_run_is_the_plain_one(tmp_path, request, name, pictures):  # noqa: F811
    assert execute(RUNS[name], tmp_path / "plain")["acting"] == "eager"
    request.getfixturevalue("device_apart")
    assert execute(RUNS[name], tmp_path / "replayed")["acting"] == "graph"
    assert_same_run(tmp_path / "plain", tmp_path / "replayed")


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_replayed_run_with_a_frozen_stem_is_the_plain_one_and_resumes(
    tmp_path,
    monkeypatch,
    request,
    deterministic,
    pictures,  # noqa: F811
):
    execute(game("pictures", env_steps=20), tmp_path / "source")
    settings = game("pictures", env_steps=60, deterministic=deterministic, pretrained={"run": str(tmp_path / "source")})
    execute(settings, tmp_path / "plain")
    request.getfixturevalue("device_apart")
    interrupt(settings, tmp_path / "cut", monkeypatch, 3)
    assert execute(settings, tmp_path / "cut")["exact_resume"]
    assert_same_run(tmp_path / "plain", tmp_path / "cut")


@pytest.mark.usefixtures("device_apart")
def test_a_refused_capture_is_said_and_recorded_and_changes_nothing(tmp_path, monkeypatch, capsys):
    def refuse(work, examples):
        raise RuntimeError("operation not permitted\nwhen capturing")

    monkeypatch.setattr(replay, "capture", refuse)
    assert execute(config(), tmp_path / "refused")["acting"] == "eager"
    said = capsys.readouterr().err
    assert said.count("CUDA could not capture a graph of it: operation not permitted") == 2  # of the stem, of the rest
    monkeypatch.undo()
    execute(config(), tmp_path / "plain")
    assert_same_run(tmp_path / "plain", tmp_path / "refused")


@pytest.mark.usefixtures("device_apart")
def test_replayed_work_sees_parameters_that_change_in_place():
    weight = torch.ones(3)
    work = Replayed(lambda x: (weight * x,), CPU)
    assert work.run(torch.full((3,), 2.0))[0].tolist() == [2, 2, 2]
    weight.fill_(5)
    assert work.run(torch.full((3,), 2.0))[0].tolist() == [10, 10, 10]


@pytest.mark.usefixtures("device_apart")
@pytest.mark.parametrize("settings", [config(), game("pictures")], ids=["vectors", "images"])
def test_acting_looks_at_no_result_before_the_segments_end(settings, pictures):  # noqa: F811
    training = Training(settings, CPU)
    with Waits() as waits:
        training.actor.act(training.carry.state, 1)
    training.close()
    assert waits.found == ["_local_scalar_dense"]


@pytest.mark.usefixtures("device_apart")
@pytest.mark.parametrize("settings", [config(), game("pictures")], ids=["vectors", "images"])
def test_what_was_acted_stays_as_it_is_when_acting_goes_on(settings, pictures):  # noqa: F811
    training = Training(settings, CPU)
    acted = training.actor.act(training.carry.state, 1)
    before = [tensor.clone() for tensor in acted.tensors()]
    training.actor.act(acted.state, 2)
    training.close()
    assert all(torch.equal(now, then) for now, then in zip(acted.tensors(), before, strict=True))


def test_a_stem_that_hands_vectors_on_is_no_empty_graph():
    training = Training(config(), CPU)
    seen = training.actor.encoded
    (features,) = training.actor.stem.run(seen)
    training.close()
    assert torch.equal(features, seen) and features.data_ptr() != seen.data_ptr()


@pytest.mark.parametrize("stem", ["nature", "colours"])
def test_learning_leaves_all_that_acting_reads_where_it_is(stem, pictures):  # noqa: F811
    training = Training(game("pictures", vision=stem), CPU)
    places = [tensor.data_ptr() for tensor in (*training.network.parameters(), *training.network.buffers())]
    training.update()
    training.close()
    assert places == [tensor.data_ptr() for tensor in (*training.network.parameters(), *training.network.buffers())]


@pytest.mark.usefixtures("device_apart")
def test_a_network_that_grows_is_captured_anew(monkeypatch):
    captured, original = [], replay.capture
    monkeypatch.setattr(replay, "capture", lambda *given: (captured.append(given[0].__name__), original(*given))[1])
    training = Training(config(layers=2, gradient="columnar", env_steps=80), CPU)
    while not training.finished:
        training.update()
    training.close()
    assert captured == ["_stem", "_decide", "_decide"]


def arrays(seed):
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (2, 5, 7, 3), np.uint8).transpose(0, 3, 1, 2)  # channels first, as a view
    return images, random.normal(size=5).astype(np.float32), np.array([True, False, True])


@pytest.mark.parametrize("device", ["a CPU", "apart"])
def test_arrays_cross_as_they_are(request, device):
    if device == "apart":
        request.getfixturevalue("device_apart")
    to_device = ToDevice(CPU)
    for seed in range(3):
        for tensor, array in zip(to_device(*arrays(seed)), arrays(seed), strict=True):
            assert tensor.dtype == torch.from_numpy(array).dtype
            assert np.array_equal(tensor.numpy(), array)


def test_arrays_lie_side_by_side_in_one_buffer():
    like = [torch.from_numpy(array) for array in arrays(0)]
    views = side_by_side(torch.zeros(1000, dtype=torch.uint8), like)
    assert [view.stride() for view in views] == [tensor.stride() for tensor in like]
    assert [view.data_ptr() - views[0].data_ptr() for view in views] == [0, 224, 256]


@pytest.mark.parametrize("device", ["a CPU", "apart"])
def test_what_comes_back_is_what_was_sent_last(request, device):
    if device == "apart":
        request.getfixturevalue("device_apart")
    from_device = FromDevice(CPU)
    for k in range(3):
        from_device.send(torch.tensor([k, k + 1]))
        assert from_device.wait().tolist() == [k, k + 1]
