"""Vision stems from an earlier run: taken over, frozen, seen once per frame, recorded; and what is refused."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
import torch
import yaml
from pictures import pictures  # noqa: F401 (a fixture)
from small_runs import assert_same_run, game, interrupt, parameters

from rtrl_bench.cli import main
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import execute, kind_of
from rtrl_bench.experiments.reinforcement.config import from_dict
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.experiments.reinforcement.pretraining import PretrainedStem, find_stem
from rtrl_bench.runs import checkpoint
from rtrl_bench.runs.settings import to_dict

pytestmark = pytest.mark.usefixtures("pictures")
CPU = torch.device("cpu")


def pictured(**changes):
    """A run on pictures with the Nature stem."""
    return game(changes.pop("environment", "pictures"), **{"env_steps": 100, "log_points": 5, **changes})


@pytest.fixture
def source(tmp_path):
    """The folder of a finished TBPTT run."""
    execute(pictured(gradient="tbptt", seed=3), tmp_path / "source")
    return tmp_path / "source"


def vision_of(folder):
    """The stem's parameters in a run's newest checkpoint."""
    return {name: value for name, value in parameters(folder).items() if name.startswith("vision.")}


def sha256_of(parameters):
    """The first 16 hex digits for a stem's parameters, as results/README.md describes them."""
    parts = []
    for name in sorted(parameters):
        value = parameters[name].contiguous()
        parts += [
            f"{name.removeprefix('vision.')} {tuple(value.shape)}".encode(),
            bytes(value.flatten().view(torch.uint8)),
        ]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def stopped(settings, folder, monkeypatch):
    """An interrupted run in `folder`."""
    interrupt(settings, folder, monkeypatch, 4)


def make_anew(source):
    """Change one parameter of the source's stem: as if it had been trained again where that gives other numbers."""
    saved = checkpoint.load_newest(source / "checkpoint")
    saved["network"]["vision.linear.bias"][0] += 1e-3
    checkpoint.save(source / "checkpoint", saved, saved["counters"]["updates"])


def test_the_stem_is_taken_over_bit_for_bit_and_never_changed(source, tmp_path):
    execute(pictured(pretrained={"run": str(source)}), tmp_path / "main")
    before, after = vision_of(source), vision_of(tmp_path / "main")
    assert before.keys() == after.keys() != set()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_everything_but_the_stem_is_trained(source, tmp_path):
    settings = pictured(pretrained={"run": str(source)})
    start = Training(settings, CPU, find_stem(settings)).network.state_dict()
    execute(settings, tmp_path / "main")
    end = parameters(tmp_path / "main")
    assert {name for name in end if torch.equal(start[name], end[name])} == set(vision_of(source))


def test_the_record_says_where_the_stem_comes_from(source, tmp_path):
    record = execute(pictured(environment="portraits", pretrained={"run": str(source)}), tmp_path / "main")
    assert record["pretrained"] == {
        "environment": "pictures",
        "method": "tbptt",
        "env_steps": 100,
        "env_frames": 400,
        "seed": 3,
        "fingerprint": pictured(gradient="tbptt", seed=3).fingerprint(),
        "backend": "pictures 1",
        "parameters_sha256": sha256_of(vision_of(source)),
    }
    stem = sum(value.numel() for value in vision_of(source).values())
    assert record["parameters"] == sum(value.numel() for value in parameters(tmp_path / "main").values()) - stem
    assert json.loads((source / "run.json").read_text())["pretrained"] is None


def test_a_segment_holds_the_features_that_acting_saw_and_no_images(source):
    settings = pictured(pretrained={"run": str(source)})
    training = Training(settings, CPU, find_stem(settings))
    frames, original = [training.actor.observation], training.env.step

    def step(actions):
        result = original(actions)
        frames.append(result[0])
        return result

    training.env.step = step
    segment = training.actor.act(training.carry.state, 1).segment
    with torch.no_grad():
        expected = torch.stack([training.network.vision(torch.from_numpy(frame)) for frame in frames])
    assert torch.equal(segment.observations, expected[:-1])
    assert torch.equal(segment.next_observation, expected[-1])
    sizes = [value.numel() for value in vars(segment).values()]
    assert max(sizes) == settings.unroll * settings.batch * settings.features


def test_every_frame_goes_through_a_frozen_stem_once(source):
    settings = pictured(pretrained={"run": str(source)})
    training = Training(settings, CPU, find_stem(settings))
    seen = []
    training.network.vision.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    for _ in range(3):
        training.update()
    assert seen == [settings.batch] * (3 * settings.unroll)


@pytest.mark.parametrize("method", [{}, {"gradient": "tbptt"}, {"cell": "none", "gradient": "tbptt"}])
def test_a_resumed_run_needs_the_source_no_more_and_equals_the_uninterrupted_one(source, tmp_path, monkeypatch, method):
    settings = pictured(pretrained={"run": str(source)}, **method)
    whole = execute(settings, tmp_path / "whole")
    stopped(settings, tmp_path / "cut", monkeypatch)
    shutil.rmtree(source)
    record = execute(settings, tmp_path / "cut")
    assert (record["exact_resume"], record["pretrained"]) == (True, whole["pretrained"])
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.parametrize("updates", [1, 4])
def test_an_overlapped_run_with_a_frozen_stem_resumes_bit_for_bit(source, tmp_path, monkeypatch, updates):
    settings = pictured(pretrained={"run": str(source)}, deterministic=False)
    execute(settings, tmp_path / "whole")
    interrupt(settings, tmp_path / "cut", monkeypatch, updates)
    assert execute(settings, tmp_path / "cut")["exact_resume"]
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def test_a_finished_run_needs_the_source_no_more(source, tmp_path):
    settings = pictured(pretrained={"run": str(source)})
    record = execute(settings, tmp_path / "main")
    shutil.rmtree(source)
    assert execute(settings, tmp_path / "main") == record


def test_runs_with_stems_from_different_runs_are_different(source, tmp_path):
    execute(pictured(gradient="tbptt", seed=4), tmp_path / "other")
    one = execute(pictured(pretrained={"run": str(source)}), tmp_path / "main")
    other = pictured(pretrained={"run": str(tmp_path / "other")})
    with pytest.raises(ConfigError, match="holds a run of another configuration"):
        execute(other, tmp_path / "main")
    assert execute(other, tmp_path / "main", restart_if_changed=True)["fingerprint"] != one["fingerprint"]
    assert not torch.equal(vision_of(source)["vision.linear.bias"], vision_of(tmp_path / "main")["vision.linear.bias"])


def test_the_stem_of_a_folder_that_is_gone_is_not_taken_for_that_of_another(source, tmp_path):
    execute(pictured(pretrained={"run": str(source)}), tmp_path / "main")
    with pytest.raises(ConfigError, match="holds a run of another configuration"):
        execute(pictured(pretrained={"run": str(tmp_path / "gone")}), tmp_path / "main")


def test_a_moved_source_is_the_same_source(source, tmp_path):
    record = execute(pictured(pretrained={"run": str(source)}), tmp_path / "main")
    source.rename(tmp_path / "moved")
    assert execute(pictured(pretrained={"run": str(tmp_path / "moved")}), tmp_path / "main") == record


@pytest.mark.parametrize("finished", [True, False])
def test_a_source_that_was_trained_anew_is_noticed(source, tmp_path, monkeypatch, finished):
    settings, folder = pictured(pretrained={"run": str(source)}), tmp_path / "main"
    if finished:
        execute(settings, folder)
    else:
        stopped(settings, folder, monkeypatch)
    before = sha256_of(vision_of(source))
    make_anew(source)
    now = sha256_of(vision_of(source))
    with pytest.raises(ConfigError, match=f"SHA-256 {before}, where the source has {now} now: .*--restart-if-changed"):
        execute(settings, folder)
    record = execute(settings, folder, restart_if_changed=True)
    assert (record["pretrained"]["parameters_sha256"], record["resumes"]) == (now, 0)
    assert sha256_of(vision_of(folder / f"replaced.{record['fingerprint']}")) == before


def test_a_source_whose_place_another_run_has_taken_is_not_missed(source, tmp_path, monkeypatch):
    there = pictured(gradient="tbptt", seed=3).fingerprint()
    settings = pictured(pretrained={"run": str(source), "fingerprint": there})
    stopped(settings, tmp_path / "main", monkeypatch)
    execute(pictured(gradient="tbptt", seed=4), source, restart_if_changed=True)
    assert execute(settings, tmp_path / "main")["resumes"] == 1


def test_a_checkpoint_with_a_frozen_stem_can_be_evaluated_without_the_source(source, tmp_path, capsys):
    execute(pictured(pretrained={"run": str(source)}), tmp_path / "main")
    shutil.rmtree(source)
    assert main(["evaluate", str(tmp_path / "main")]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "main/evaluation.json").read_text())


def test_speed_is_measured_before_the_source_is_there(tmp_path):
    settings = pictured(pretrained={"run": str(tmp_path / "later")})
    assert kind_of(settings).speed(settings, 0.05) > 1


def refused(settings, folder):
    """The message with which a run is refused, after a look that it left nothing behind."""
    with pytest.raises(ConfigError) as caught:
        execute(settings, folder)
    assert not folder.exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vision": "impala"}, "vision = 'impala': the run that the vision stem comes from has 'nature'"),
        ({"features": 8}, "features = 8: the run that the vision stem comes from has 16"),
        (
            {"environment_options": {"size": 40}},
            "its stem takes observations of shape (3, 36, 36), those of this run have (3, 40, 40)",
        ),
    ],
)
def test_a_stem_that_does_not_fit_is_refused(source, tmp_path, changes, message):
    base = to_dict(pictured(pretrained={"run": str(source)}))
    assert message in refused(from_dict({**base, **changes}), tmp_path / "main")


def test_parameters_of_another_version_of_a_stem_are_refused():
    stem = PretrainedStem({"weight": torch.zeros(2, 3)}, (3,), {})
    with pytest.raises(ConfigError, match=r"the parameters of its stem do not fit .*; train that run again"):
        stem.put_into(torch.nn.Linear(3, 2), (3,))


def test_a_source_of_another_configuration_is_refused(source, tmp_path):
    message = refused(pictured(pretrained={"run": str(source), "fingerprint": "0123456789ab"}), tmp_path / "main")
    there = pictured(gradient="tbptt", seed=3).fingerprint()
    assert f"pretrained.fingerprint = '0123456789ab': the run in {source} has '{there}'" in message


def test_the_configuration_that_was_meant_is_accepted(source, tmp_path):
    there = pictured(gradient="tbptt", seed=3).fingerprint()
    settings = pictured(pretrained={"run": str(source), "fingerprint": there})
    assert execute(settings, tmp_path / "main")["pretrained"]["fingerprint"] == there


@pytest.mark.parametrize("content", [None, "{", "[]", '{"status": "interrupted"}'])
def test_a_source_that_is_not_finished_is_refused(source, tmp_path, content):
    (source / "run.json").unlink()
    if content is not None:
        (source / "run.json").write_text(content)
    message = refused(pictured(pretrained={"run": str(source)}), tmp_path / "main")
    assert f"pretrained.run = '{source}': expected the folder of a finished run" in message


def test_a_finished_run_that_has_no_stem_to_lend_is_refused(source, tmp_path):
    record = json.loads((source / "run.json").read_text())
    del record["backend"]
    (source / "run.json").write_text(json.dumps(record))
    message = refused(pictured(pretrained={"run": str(source)}), tmp_path / "main")
    assert "its run.json has no backend; name a run that trains a stem" in message


def test_a_folder_that_is_not_there_is_refused_by_the_command(tmp_path, capsys):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(to_dict(pictured(pretrained={"run": "nowhere"}))))
    assert main(["train", "--config", str(path), "--out", str(tmp_path / "main")]) == 2
    assert "pretrained.run = 'nowhere': expected the folder of a finished run" in capsys.readouterr().err


def test_a_source_without_its_last_checkpoint_is_refused(source, tmp_path):
    """The one before the last holds another stem than the record speaks of."""
    max((source / "checkpoint").glob("*.ckpt")).write_bytes(b"")
    message = refused(pictured(pretrained={"run": str(source)}), tmp_path / "main")
    assert "expected the checkpoint of its last update" in message
    shutil.rmtree(source / "checkpoint")
    message = refused(pictured(pretrained={"run": str(source)}), tmp_path / "main")
    assert "expected the checkpoint of its last update" in message


def test_a_source_with_damaged_checkpoints_alone_is_refused(source, tmp_path):
    for path in (source / "checkpoint").glob("*.ckpt"):
        path.write_bytes(b"")
    with pytest.raises(checkpoint.CheckpointError, match="no usable checkpoint"):
        execute(pictured(pretrained={"run": str(source)}), tmp_path / "main")
