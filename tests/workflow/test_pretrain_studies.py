"""Studies with `pretrain`: the runs that vision stems come from, and those that build on them."""

from __future__ import annotations

import json

import pytest
import yaml
from small_scales import SETTINGS, folders, small_scale

from rtrl_bench.envs import registry
from rtrl_bench.envs.registry import Availability
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.config import PretrainedConfig
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.runs.settings import dump, to_dict
from workflow.scripts import scales, targets
from workflow.scripts.inputs import Inputs, summary

EXCLUDES = (
    "studies.memory: pretrain and run.pretrained exclude each other: pretrained.run = 'own' for breakout, "
    "whose stem pretrain makes; remove one of the two keys"
)
PRETRAIN = {"method": "tbptt", "unroll": 9, "run": {"env_steps": 70}}


def lent(scale):
    """The runs that others build on."""
    return tuple(run for run in scale.runs if run.lent)


def _pictures(**changes):
    """A scale with one study on images whose stems are pre-trained; `changes` are of the study."""
    study = {"environments": {"breakout": {"hidden": 32}, "qbert": None}, "methods": ["rtrl"], "pretrain": PRETRAIN}
    return small_scale(study=study | changes)


def test_each_environment_of_a_study_is_pretrained_once_for_all_its_runs(expand):
    scale = expand(_pictures(methods=["tbptt", "rtrl"], unroll=[5, 10]))
    assert folders(scale)[:2] == [
        f"runs/reinforcement/{name}/pretrain_tbptt/M9/seed0" for name in ("breakout", "qbert")
    ]
    assert lent(scale) == scale.runs[:2]
    assert len(scale.runs) == 2 + 2 * 2 * 2 * 2
    for run in scale.runs[2:]:
        (source,) = [one for one in lent(scale) if one.config.environment == run.config.environment]
        expected = PretrainedConfig(run=source.folder.as_posix(), fingerprint=source.config.fingerprint())
        assert run.config.pretrained == expected


def test_a_pretraining_has_the_keys_of_all_parts(expand):
    special = PRETRAIN | {"environments": {"qbert": {"env_steps": 80, "loss": {"discount": 0.5}}}}
    breakout, qbert = (run.config for run in lent(expand(_pictures(pretrain=special))))
    assert (breakout.method, breakout.unroll, breakout.seed, breakout.hidden) == ("tbptt", 9, 0, 32)
    assert (breakout.env_steps, qbert.env_steps) == (70, 80)
    assert (breakout.loss.discount, qbert.loss.discount) == (0.99, 0.5)
    assert (breakout.optimiser.epsilon, breakout.pretrained) == (1e-5, None)


def test_studies_with_the_same_pretraining_share_it(expand):
    values = _pictures()
    values["studies"]["again"] = values["studies"]["memory"] | {"unroll": [7]}
    assert len(lent(expand(values))) == 2


def test_the_list_of_runs_has_pretraining_apart_from_the_studies(expand):
    scale = expand(_pictures())
    listed = json.loads(summary(scale))
    assert listed["lent"] == [f"runs/reinforcement/{name}/pretrain_tbptt/M9/seed0" for name in ("breakout", "qbert")]
    assert not [run for run in listed["studies"]["memory"] if "pretrain" in run]


def test_an_environment_that_cannot_run_takes_its_pretraining_with_it(expand, monkeypatch):
    gone, there = Availability(False, reason="no ROM", fix="find one"), Availability(True)
    monkeypatch.setattr(registry, "check_available", lambda name, *more: gone if name == "qbert" else there)
    scale = expand(_pictures())
    assert {run.config.environment for run in scale.runs} == {"breakout"}
    assert [one.name for one in scale.missing] == ["qbert"]


def test_a_named_target_includes_pretraining(expand):
    scale = expand(_pictures())
    source = "runs/reinforcement/qbert/pretrain_tbptt/M9/seed0"
    for name in ("qbert", "atari"):
        assert source in map(scale.name_of, targets.runs(scale, name))
    assert targets.needed(scale)["runs/reinforcement/qbert/rtrl/M5/seed1"] == [f"{scale.folder}/{source}"]


def test_the_results_folder_is_no_part_of_a_finished_runs_configuration(expand, tmp_path):
    """Another path to the same pre-training repeats nothing."""
    here, there = expand(_pictures()), expand(_pictures(), results=str(tmp_path / "moved"))
    assert here.runs[-1].config.pretrained != there.runs[-1].config.pretrained
    assert here.runs[-1].config.fingerprint() == there.runs[-1].config.fingerprint()


def test_a_finished_run_with_a_stem_of_ones_own_is_not_repeated_when_that_is_gone(expand, tmp_path):
    source = tmp_path / "source"
    values = _pictures(pretrain=None, run={"pretrained": {"run": str(source)}}) | {"seeds": [0]}
    del values["studies"]["memory"]["pretrain"]
    source.mkdir()
    (source / "run.json").write_text(json.dumps({"status": "complete", "fingerprint": "aa"}))
    scale = expand(values)
    assert [run.config.pretrained for run in scale.runs] == [PretrainedConfig(run=str(source), fingerprint="aa")] * 2
    first = scale.runs[0]
    first.folder.mkdir(parents=True)
    (first.folder / "config.yaml").write_text(dump(first.config))
    _finish(first, "2026-01-01T10:00:00+00:00")
    (source / "run.json").unlink()
    scale = expand(values)
    assert scale.runs[0].config == first.config
    inputs = Inputs(scale)
    assert [inputs.needs(scale.name_of(run), str(source)) for run in scale.runs] == [False, True]


TAUGHT = {
    "environments": {"rooms_watermaze": {"features": 32}, "rooms_keys_doors_puzzle": None},
    "methods": ["tbptt", "rtrl"],
    "run": {"vision": "pooled", "batch": 16, "environment_options": {"hud": False}},
    "pretrain": {
        "method": "state",
        "run": {"env_steps": 70},
        "environments": {"rooms_watermaze": {"learning_rate": 0.01}},
    },
}


def test_a_stem_can_be_taught_from_the_state_for_all_runs_of_a_level(expand):
    scale = expand(small_scale(study=TAUGHT), threads=1)
    water, keys = lent(scale)
    assert folders(scale)[:2] == [
        "runs/stems/rooms_watermaze/state/seed0",
        "runs/stems/rooms_keys_doors_puzzle/state/seed0",
    ]
    assert (water.kind.name, {run.kind.name for run in scale.runs[2:]}) == ("stems", {"reinforcement"})
    shared = {"vision": "pooled", "environment_options": {"hud": False}, "threads": 1, "env_steps": 70, "seed": 0}
    assert water.config == StemConfig(environment="rooms_watermaze", features=32, learning_rate=0.01, **shared)
    assert keys.config == StemConfig(environment="rooms_keys_doors_puzzle", **shared)
    for run in scale.runs[2:]:
        source = water if run.config.environment == "rooms_watermaze" else keys
        expected = PretrainedConfig(run=source.folder.as_posix(), fingerprint=source.config.fingerprint())
        assert run.config.pretrained == expected
    assert targets.needed(scale)["runs/reinforcement/rooms_watermaze/rtrl/M5/seed1"] == [water.folder.as_posix()]


def test_a_stem_that_was_made_anew_is_newer_than_the_finished_runs_that_build_on_it(expand):
    scale = expand(_pictures() | {"seeds": [0]})
    stem, run = _stem_and_run(scale)
    for made, time in ((stem, "2026-01-01T10:00:00+00:00"), (run, "2026-01-01T11:00:00+00:00")):
        _finish(made, time)
    inputs, names = Inputs(scale), (scale.name_of(run), run.config.pretrained.run)
    assert inputs.finished_after(*names)
    _finish(stem, "2026-01-02T10:00:00+00:00")
    assert not inputs.finished_after(*names)


def test_a_stem_that_is_to_be_made_anew_counts_for_the_finished_runs_that_build_on_it(expand):
    scale = expand(_pictures() | {"seeds": [0]})
    stem, run = _stem_and_run(scale)
    for made in (stem, run):
        _finish(made, "2026-01-01T10:00:00+00:00")
    (stem.folder / "curve.csv").unlink()
    assert not Inputs(scale).finished_after(scale.name_of(run), run.config.pretrained.run)


def _stem_and_run(scale):
    """The last run of a scale and the one that it builds on."""
    run = scale.runs[-1]
    return next(one for one in lent(scale) if one.folder.as_posix() == run.config.pretrained.run), run


def _finish(run, time):
    """Leave the files of a run that was finished then."""
    run.folder.mkdir(parents=True, exist_ok=True)
    record = {"status": "complete", "fingerprint": run.config.fingerprint(), "finished_utc": time}
    record["config"] = to_dict(run.config)
    for name in run.outputs:
        (run.folder / name).write_text(json.dumps(record))


def test_snakemake_teaches_a_stem_before_the_runs_that_take_it_over(project):
    study = TAUGHT | {"unroll": [5], "environments": {"rooms_watermaze": None}}
    scale = small_scale(study=study, label="taught", seeds=[0])
    (project.root / "workflow/config/taught.yaml").write_text(yaml.safe_dump(scale))
    agents = {f"runs/reinforcement/rooms_watermaze/{method}/M5/seed0" for method in ("tbptt", "rtrl")}
    runs = {"runs/stems/rooms_watermaze/state/seed0", *agents}
    assert project.planned("scale=taught")[1] == runs
    done = project.snakemake("rooms_watermaze", "scale=taught")  # the stub insists on the stem's record being there
    assert done.returncode == 0, done.stderr
    assert project.planned("rooms_watermaze", "scale=taught")[1] == set()


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (
            {"pretrain": {"method": "tbptt"}},
            r"studies\.memory: pretrain\.unroll = None: method: state takes no unroll, every other method needs one",
        ),
        (
            {"pretrain": {"method": "state", "unroll": 5}},
            r"studies\.memory: pretrain\.unroll = 5: method: state takes no unroll, every other method needs one",
        ),
        ({"pretrain": {"method": "state"}}, "studies.memory: environment = 'tmaze', which has no state to teach from"),
        (
            {"pretrain": {"method": "state", "run": {"slot": 5}}, "environments": {"rooms_watermaze": None}},
            "unknown key slot: .*did you mean slots",
        ),
        (
            {"pretrain": {"method": "state", "run": {"vision": "small"}}, "environments": {"rooms_watermaze": None}},
            "studies.memory: vision = 'impala': the run that the vision stem comes from has 'small'; make them equal",
        ),
        ({"pretrain": PRETRAIN | {"seed": 1}}, r"studies\.memory: unknown key pretrain\.seed: expected one of"),
        ({"pretrain": PRETRAIN | {"unroll": 0}}, r"pretrain\.unroll = 0: expected an integer in \[1, 1048576\]"),
        ({"pretrain": PRETRAIN | {"method": "tbtt"}}, "unknown method 'tbtt': expected one of feedforward"),
        ({"pretrain": PRETRAIN | {"run": {"env_step": 1}}}, "unknown key env_step: .*did you mean env_steps"),
        (
            {"pretrain": PRETRAIN | {"environments": {"tmase": None}}},
            r"studies\.memory: pretrain\.environments\.tmase: expected one of tmaze",
        ),
        (
            {"pretrain": PRETRAIN, "environments": {"breakout": None}, "vary": {"vision": ["nature"]}},
            "studies.memory: vision = 'nature': the run that the vision stem comes from has 'impala'; make them equal",
        ),
        (
            {"pretrain": PRETRAIN, "run": {"vision": "flat"}},
            "pretrained: vision = 'flat' has no parameters to take over; remove the key",
        ),
        *(
            ({"environments": {"breakout": None}, "pretrain": PRETRAIN} | both, EXCLUDES)
            for both in (
                {"run": {"pretrained": {"run": "own"}}},
                {"environments": {"breakout": {"pretrained": {"run": "own"}}}},
                {"vary": {"pretrained.run": ["own"]}},
                {"pretrain": PRETRAIN | {"run": {"pretrained": {"run": "own"}}}},
            )
        ),
    ],
)
def test_a_mistake_is_named_with_what_was_expected(expand, study, message):
    with pytest.raises(ConfigError, match=message):
        expand(small_scale(study=study))


def test_the_paper_scale_pretrains_the_stems_of_the_memory_levels():
    scale = scales.load_scale(SETTINGS | {"scale": "paper"})
    nonmatching, watermaze = "rooms_select_nonmatching_object", "rooms_watermaze"
    sources = {run.config.environment: run.config for run in lent(scale)}
    assert {name: (c.method, c.env_steps, c.hidden) for name, c in sources.items()} == {
        nonmatching: ("tbptt", 50_000_000, 512),
        watermaze: ("tbptt", 200_000_000, 512),
    }
    levels = [run.config for name in ("dmlab", "dmlab_reactive") for run in scale.studies[name] if not run.lent]
    stems = {(c.environment, c.env_steps, c.pretrained and c.pretrained.fingerprint) for c in levels}
    assert stems == {
        (nonmatching, 30_000_000, sources[nonmatching].fingerprint()),
        (watermaze, 100_000_000, sources[watermaze].fingerprint()),
        ("rooms_keys_doors_puzzle", 100_000_000, None),
    }


def test_the_smoke_scale_has_the_three_levels_with_pretraining():
    scale = scales.load_scale(SETTINGS | {"scale": "smoke"})
    stems = {run.config.environment: run.kind.name for run in lent(scale) if run.kind.name != "sequences"}
    assert stems == {
        "rooms_select_nonmatching_object": "reinforcement",
        "rooms_watermaze": "reinforcement",
        "rooms_keys_doors_puzzle": "stems",
    }
