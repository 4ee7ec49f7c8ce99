"""A run from its configuration to its records."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest
import torch
import yaml
from marks import needs_procgen
from pictures import pictures  # noqa: F401 (a fixture)
from small_runs import assert_same_run, config, curve, game, interrupt, parameters

from rtrl_bench.cli import main
from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError, NonFiniteLoss
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.experiments.reinforcement.trained import trained_network
from rtrl_bench.runs import checkpoint, records
from rtrl_bench.runs.settings import dump, to_dict

STOPS = "the run stops with code 3, naming update and term; the last good checkpoint is kept"


def test_a_run_writes_all_its_records(tmp_path):
    record = execute(config(), tmp_path)
    written = {"config.yaml", "curve.csv", "evaluation.json", "run.json", "checkpoint"}
    assert {p.name for p in tmp_path.iterdir()} == {*written, ".lock"}
    assert record["env_steps"] == 400
    assert record["updates"] == 20
    assert [int(row["updates"]) for row in curve(tmp_path)] == list(range(2, 21, 2))
    evaluation = json.loads((tmp_path / "evaluation.json").read_text())
    assert [len(s["returns"]) for s in evaluation["sets"]] == [3, 3]
    assert record["evaluation"]["mean"] == pytest.approx(sum(sum(s["returns"]) for s in evaluation["sets"]) / 6)
    assert json.loads((tmp_path / "run.json").read_text()) == record


def test_a_run_is_complete_before_its_record_is_there(tmp_path, monkeypatch):
    there = []

    def write(path, value, write=records.write_json):
        there.append({p.name for p in tmp_path.iterdir()})
        write(path, value)

    monkeypatch.setattr(records, "write_json", write)
    execute(config(), tmp_path)
    assert there[-1] == {"config.yaml", "curve.csv", "evaluation.json", "checkpoint", ".lock"}


def test_seeds_that_share_a_process_are_the_runs_that_each_would_be_by_itself(tmp_path):
    words = []
    for seed in (0, 1):
        (tmp_path / f"{seed}.yaml").write_text(dump(config(seed=seed)))
        words += [f"--config={tmp_path / f'{seed}.yaml'}", f"--out={tmp_path / f'seed{seed}'}"]
    assert main(["run", *words]) == 0
    for seed in (0, 1):
        execute(config(seed=seed), tmp_path / "alone" / str(seed))
        assert_same_run(tmp_path / f"seed{seed}", tmp_path / "alone" / str(seed))


@pytest.mark.parametrize("environment", ["breakout", pytest.param("chaser", marks=needs_procgen)])
def test_two_runs_of_a_simulator_are_identical(tmp_path, environment):
    settings = game(environment, env_steps=100)
    execute(settings, tmp_path / "a")
    execute(settings, tmp_path / "b")
    assert_same_run(tmp_path / "a", tmp_path / "b")


def test_a_run_whose_learning_rate_falls_for_longer_is_the_first_part_of_the_longer_run(tmp_path):
    execute(config(log_points=20), tmp_path / "whole")
    execute(config(log_points=10, env_steps=200, optimiser={"decay_steps": 400}), tmp_path / "part")
    assert curve(tmp_path / "part") == curve(tmp_path / "whole")[:10]


def test_another_seed_gives_another_run(tmp_path):
    execute(config(), tmp_path / "a")
    execute(config(seed=1), tmp_path / "b")
    assert curve(tmp_path / "a") != curve(tmp_path / "b")


@pytest.mark.injects("a parameter becomes infinite or NaN", "a parameter, overwritten in training", STOPS)
def test_a_non_finite_loss_stops_the_run_and_keeps_the_checkpoint(tmp_path, monkeypatch, capsys):
    original = Training.update

    def update(self):
        if self.counters.updates == 4:
            with torch.no_grad():
                self.network.baseline.bias.fill_(float("inf"))
        original(self)

    monkeypatch.setattr(Training, "update", update)
    with pytest.raises(NonFiniteLoss, match="update 5: loss_policy"):
        execute(config(), tmp_path)
    assert torch.isfinite(parameters(tmp_path)["baseline.bias"]).all()
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(to_dict(config())))
    assert main(["train", "--config", str(path), "--out", str(tmp_path / "again")]) == 3


@pytest.mark.injects("a parameter becomes infinite or NaN", "a parameter, overwritten in training", STOPS)
@pytest.mark.parametrize("poisoned", ["policy.bias", "core.layers.0.weight"])
def test_infinite_parameters_stop_the_run_by_name_too(tmp_path, monkeypatch, poisoned):
    original = Training.update

    def update(self):
        if self.counters.updates == 4:
            with torch.no_grad():
                dict(self.network.named_parameters())[poisoned].fill_(float("nan"))
        original(self)

    monkeypatch.setattr(Training, "update", update)
    with pytest.raises(NonFiniteLoss, match="update 5: the policy's logits are not finite"):
        execute(config(), tmp_path)
    assert all(torch.isfinite(p).all() for p in parameters(tmp_path).values())


def test_a_checkpoint_can_be_evaluated_again_with_the_same_result(tmp_path, capsys):
    execute(config(), tmp_path)
    assert main(["evaluate", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "evaluation.json").read_text())


@pytest.mark.parametrize(
    ("settings", "shape", "sizes"), [(config(), (6,), (2,)), (game("pictures", env_steps=100), (3, 36, 36), (2,))]
)
def test_a_trained_network_is_made_without_its_simulator(tmp_path, monkeypatch, pictures, settings, shape, sizes):  # noqa: F811
    execute(settings, tmp_path)
    monkeypatch.setattr(registry, "make", None)
    trained = trained_network(settings, tmp_path)
    assert (trained.observation_shape, trained.action_sizes) == (shape, sizes)
    saved = parameters(tmp_path)
    assert all(torch.equal(value, saved[name]) for name, value in trained.network.named_parameters())


def test_a_checkpoint_that_does_not_fit_is_not_evaluated(tmp_path):
    execute(config(), tmp_path)
    with pytest.raises(checkpoint.CheckpointError, match="does not fit"):
        trained_network(config(hidden=9), tmp_path)


def test_versions_of_the_packages_that_decide_a_simulators_numbers_are_recorded(tmp_path, monkeypatch):
    assert "pyyaml" not in execute(config(), tmp_path / "before")["versions"]
    spec = registry.spec("tmaze")
    backend = replace(spec.backends[0], packages=("pyyaml",))
    monkeypatch.setitem(registry.ENVIRONMENTS._things, "tmaze", replace(spec, backends=(backend,)))
    record = execute(config(), tmp_path / "main")
    assert record["versions"]["pyyaml"] == record["processes"][0]["versions"]["pyyaml"] == yaml.__version__


def test_the_embedded_levels_hang_on_the_compiler():
    packages = {backend.name: backend.packages for backend in registry.spec("rooms_watermaze").backends}
    assert packages == {"deepmind_lab": (), "rooms": ("numba", "llvmlite")}


def test_an_interval_without_finished_episodes_has_an_empty_return(tmp_path):
    execute(config(environment_options={"delay": 300}, evaluation={"sets": 1, "episodes": 1}), tmp_path)
    assert curve(tmp_path)[0]["episode_return_mean"] == ""


def test_tensorboard_gets_the_curve(tmp_path):
    execute(config(tensorboard=True), tmp_path)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert events.Scalars("grad_norm")
    assert [e.step for e in events.Scalars("grad_norm")] == [int(row["env_steps"]) for row in curve(tmp_path)]


def test_tensorboard_forgets_what_a_process_wrote_after_its_last_checkpoint(tmp_path, monkeypatch):
    settings = config(tensorboard=True)
    interrupt(settings, tmp_path, monkeypatch, 6)
    original = Training.update

    def fail(self):
        original(self)
        if self.counters.updates == 15:
            raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Training, "update", fail)
        with pytest.raises(RuntimeError, match="killed"):
            execute(settings, tmp_path)
    execute(settings, tmp_path)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [e.step for e in events.Scalars("grad_norm")] == [int(row["env_steps"]) for row in curve(tmp_path)]


def test_a_run_compares_its_gradient_with_the_exact_one(tmp_path):
    record = execute(config(layers=2, gradient="rtrl_layerwise", gradient_quality=4), tmp_path)
    rows = list(csv.DictReader((tmp_path / "gradient.csv").open()))
    assert [(int(row["update"]) - 1) // 5 for row in rows] == [0, 1, 2, 3]
    assert record["gradient_quality"]["points"] == 4
    assert record["gradient_quality"]["cosine_mean"] == pytest.approx(
        sum(float(row["cosine"]) for row in rows) / 4, rel=1e-6
    )
    assert record["carried_bytes"] == 4 * 4 * (16 + 2 * 8 * ((7 + 2) + (8 + 2)))  # 6 inputs and the last reward


def test_comparing_gradients_changes_nothing_and_goes_on_after_a_resume(tmp_path, monkeypatch):
    compared = config(layers=2, gradient="rtrl_segment", gradient_quality=10)
    execute(config(layers=2, gradient="rtrl_segment"), tmp_path / "plain")
    execute(compared, tmp_path / "whole")
    assert_same_run(tmp_path / "plain", tmp_path / "whole")
    interrupt(compared, tmp_path / "resumed", monkeypatch, 7)
    execute(compared, tmp_path / "resumed")
    assert (tmp_path / "resumed" / "gradient.csv").read_text() == (tmp_path / "whole" / "gradient.csv").read_text()


@pytest.mark.parametrize("gradient", ["rtrl", "rtrl_segment", "rtrl_layerwise", "columnar", "tbptt"])
def test_a_two_layer_run_resumes_exactly(tmp_path, monkeypatch, gradient):
    settings = config(layers=2, gradient=gradient)
    execute(settings, tmp_path / "whole")
    interrupt(settings, tmp_path / "resumed", monkeypatch, 12)
    execute(settings, tmp_path / "resumed")
    assert_same_run(tmp_path / "resumed", tmp_path / "whole")


def test_sensitivities_that_do_not_fit_are_refused_with_their_bytes_before_anything_is_written(tmp_path):
    settings = config(layers=2, hidden=64, memory_gb=0.005)
    with pytest.raises(
        ConfigError, match=r"layers = 2, hidden = 64.*needs [\d,]+ bytes.*more than the 0.005 GB of memory_gb"
    ):
        execute(settings, tmp_path)
    assert not (tmp_path / "checkpoint").exists()
    assert execute(config(layers=2, hidden=8, memory_gb=0.005), tmp_path)["status"] == "complete"


def test_the_memory_limit_is_no_part_of_the_fingerprint():
    assert config(memory_gb=1).fingerprint() == config().fingerprint()


def test_gradients_of_columns_are_not_compared(tmp_path):
    with pytest.raises(ConfigError, match="columnar trains another network"):
        execute(config(layers=2, gradient="columnar", gradient_quality=3), tmp_path)
