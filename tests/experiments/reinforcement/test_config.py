"""Bad input is refused before work starts: one message that names the key, the value and what was expected."""

from __future__ import annotations

import pytest
import yaml

from rtrl_bench.cli import main
from rtrl_bench.experiments.reinforcement import config as module
from rtrl_bench.runs.settings import dump, fingerprint_of, to_dict

GOOD = {"environment": "tmaze", "env_steps": 100, "vision": "flat"}


def test_every_key_survives_writing_and_reading(tmp_path):
    settings = module.from_dict({**GOOD, "gradient": "tbptt", "window": "episode", "retention": 3})
    path = tmp_path / "run.yaml"
    path.write_text(dump(settings))
    assert module.load(path) == settings


def test_the_fingerprint_ignores_the_machine_and_nothing_else():
    """Every key has another value here, so that a new one has to be thought of."""
    other = {
        "environment": "delayed_match",
        "env_steps": 101,
        "environment_options": {"delay": 3},
        "backend": "own",
        "cell": "lstm",
        "gradient": "tbptt",
        "unroll": 51,
        "batch": 33,
        "hidden": 257,
        "layers": 2,
        "vision": "nature",
        "features": 257,
        "last_reward_across_episodes": True,
        "retention": 3,
        "optimiser": {"epsilon": 1},
        "loss": {"discount": 0.98},
        "evaluation": {"sets": 2},
        "seed": 1,
        "deterministic": False,
        "gradient_quality": 1,
        "truncation": {"points": 1},
        "log_points": 101,
    }
    machine = {"device": "cuda", "memory_gb": 3, "threads": 3, "checkpoint_minutes": 9, "tensorboard": True}
    apart = {"kind", "gradient_options", "window", "pretrained", "precision"}
    assert {*other, *machine, *apart} == set(module.RunConfig.model_fields)
    one = module.from_dict(GOOD).fingerprint()
    for key, value in other.items():
        assert module.from_dict({**GOOD, key: value}).fingerprint() != one, key
    for key, value in machine.items():
        assert module.from_dict({**GOOD, key: value}).fingerprint() == one, key
    options = {"gradient_options": {"order": 2}}
    assert module.from_dict({**GOOD, **options}).fingerprint() != one
    whole = {**GOOD, "gradient": "tbptt"}
    assert module.from_dict({**whole, "window": 60}).fingerprint() != module.from_dict(whole).fingerprint()
    images = {**GOOD, "vision": "nature"}
    low = {**images, "precision": "bfloat16"}
    assert module.from_dict(low).fingerprint() != module.from_dict(images).fingerprint()


def test_of_a_pretrained_stem_the_fingerprint_counts_and_not_the_folder():
    images = {**GOOD, "vision": "nature"}

    def fingerprint(run, expected):
        stem = {"run": run, "fingerprint": expected}
        return module.from_dict({**images, "pretrained": stem}).fingerprint()

    assert fingerprint("here", "a") == fingerprint("there", "a")
    scratch = module.from_dict(images).fingerprint()
    assert len({fingerprint("here", "a"), fingerprint("here", "b"), fingerprint("here", None), scratch}) == 4


def test_a_run_from_scratch_has_the_fingerprint_of_its_file_with_or_without_the_key():
    settings = to_dict(module.from_dict(GOOD))
    assert settings.pop("pretrained") is None
    assert fingerprint_of(settings) == module.from_dict(GOOD).fingerprint()


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({}, "rtrl"),
        ({"cell": "none", "gradient": "tbptt"}, "feedforward"),
        ({"gradient": "tbptt"}, "tbptt"),
        ({"gradient": "tbptt", "window": 50}, "tbptt"),
        ({"gradient": "tbptt", "window": 60}, "tbptt_w60"),
        ({"gradient": "tbptt", "window": "episode"}, "bptt"),
        ({"cell": "lstm", "gradient": "tbptt"}, "lstm_tbptt"),
        ({"gradient": "snap", "gradient_options": {"order": 2}, "layers": 2}, "snap_order2_l2"),
    ],
)
def test_methods_have_the_names_of_the_tables(keys, name):
    assert module.from_dict({**GOOD, **keys}).method == name


BAD = [
    ({"hiden": 3}, "unknown key hiden", "did you mean hidden"),
    ({"learning_rate": 1e-3}, "unknown key learning_rate", "; learning_rate is a key of optimiser"),
    ({"max_steps": 5}, "unknown key max_steps", "did you mean env_steps?; max_steps is a key of evaluation"),
    ({"optimiser": {"lr": 1}}, "unknown key optimiser.lr", "expected one of learning_rate"),
    ({"env_steps": "many"}, "env_steps = 'many'", "expected an integer"),
    ({"env_steps": -5}, "env_steps = -5", "expected an integer >= 1"),
    ({"unroll": 0}, "unroll = 0", "expected an integer in [1, 1048576]"),
    ({"gradient": "tbptt", "window": 0}, "window = 0", "expected an integer >= 1"),
    ({"gradient": "tbptt", "window": 10}, "window = 10", "at least unroll = 50"),
    ({"window": 100}, "window = 100", "only gradient: tbptt has a window"),
    ({"gradient_options": {"window": 100}}, "gradient_options.window = 100", "a key of its own; use window"),
    ({"gradient_options": {"reach": 3}}, "gradient_options.reach = 3", "gradient: rtrl, it has no options"),
    ({"gradient_options": 3}, "gradient_options = 3", "expected keys and values"),
    ({"seed": 1.5}, "seed = 1.5", "expected an integer"),
    ({"seed": True}, "seed = True", "expected an integer"),
    ({"window": True}, "window = True", "expected an integer >= 1 or episode or null"),
    ({"retention": 0.5}, "retention = 0.5", "expected a number > 1 or null"),
    ({"loss": {"rho_bar": None}}, "loss.rho_bar = None", "expected a number > 0"),
    ({"evaluation": {"episodes": 0}}, "evaluation.episodes = 0", "expected an integer >= 1"),
    ({"threads": 100_000}, "threads = 100000", "expected an integer in [0, 1024]"),
    ({"seed": -1}, "seed = -1", "expected an integer in [0, 2147483648)"),
    ({"loss": {"discount": 1.5}}, "loss.discount = 1.5", "[0, 1]"),
    ({"optimiser": {"learning_rate": float("nan")}}, "optimiser.learning_rate = nan", "expected a number"),
    ({"optimiser": {"decay_steps": 99}}, "optimiser.decay_steps = 99 is less than env_steps = 100", "remove the key"),
    ({"optimiser": {"alpha": 1.5}}, "optimiser.alpha = 1.5", "[0, 1)"),
    ({"optimiser": {"momentum": 5.0}}, "optimiser.momentum = 5.0", "[0, 1)"),
    ({"device": "tpu"}, "device = 'tpu'", "one of auto, cpu, cuda"),
    ({"environment": "breakuot"}, "unknown environment 'breakuot'", "did you mean breakout"),
    ({"environment": "gymnasium:NoSuch-v9"}, "NoSuch", ""),
    ({"environment": "gymnasium:Pendulum-v1"}, "Pendulum-v1", "iscrete"),
    ({"environment_options": {"dealy": 3}}, "unknown option 'dealy'", "did you mean delay"),
    ({"cell": "elstn"}, "unknown cell 'elstn'", "did you mean elstm"),
    ({"gradient": "RTRL"}, "unknown gradient 'RTRL'", "did you mean rtrl"),
    ({"gradient": "rtlr"}, "unknown gradient 'rtlr'", "did you mean rtrl"),
    ({"vision": "impalla"}, "unknown vision stem 'impalla'", "did you mean impala"),
    ({"vision": "impala"}, "vision = 'impala'", "use one of flat"),
    ({"cell": "lstm"}, "needs an element-wise cell", "use rtrl_dense"),
    ({"cell": "none", "gradient": "tbptt", "retention": 5}, "retention = 5", "remove the key"),
    ({"pretrained": {"run": "there"}}, "pretrained: vision = 'flat' has no parameters", "remove the key"),
    ({"pretrained": {"fingerprint": "a"}}, "missing key pretrained.run", "it has no default"),
    ({"pretrained": {"rnu": "there"}}, "unknown key pretrained.rnu", "did you mean pretrained.run"),
    ({"pretrained": "there"}, "pretrained = 'there'", "expected keys and values or null"),
    ({"precision": "bfloat16"}, "precision = 'bfloat16': vision = 'flat' computes nothing", "remove the key"),
    ({"precision": "float16"}, "precision = 'float16'", "expected one of float32, bfloat16"),
    ({"loss": {"bootstrap_truncation": True}}, "loss.bootstrap_truncation = true", "not tell a time limit from an end"),
    ({"backend": "envpool"}, "backend = 'envpool'", "expected one of auto"),
]


@pytest.mark.parametrize(("keys", "named", "hint"), BAD, ids=[b[1] for b in BAD])
def test_a_bad_configuration_ends_with_code_2_and_writes_nothing(tmp_path, capsys, keys, named, hint):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **keys}))
    assert main(["train", "--config", str(path), "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert named in message
    assert hint in message
    assert "Traceback" not in message
    assert not list((tmp_path / "out").glob("*.csv"))
    assert not (tmp_path / "out" / "config.yaml").exists()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a: [", "not valid YAML"),
        ("seed: 1\nseed: 2", "line 2: key seed stands in line 1"),
        ("- 1\n- 2\n", "expected keys and values"),
        ("", "missing key"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_with_its_name(tmp_path, capsys, text, named):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    assert main(["train", "--config", str(path), "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert named in message
    assert str(path) in message


def test_a_missing_file_is_refused(tmp_path, capsys):
    assert main(["train", "--config", str(tmp_path / "no.yaml"), "--out", str(tmp_path)]) == 2
    assert "no.yaml: cannot be read" in capsys.readouterr().err


def test_an_output_folder_that_cannot_be_written_is_refused(tmp_path, capsys):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(GOOD))
    (tmp_path / "file").write_text("")
    assert main(["train", "--config", str(path), "--out", str(tmp_path / "file" / "out")]) == 2
    assert "cannot be written" in capsys.readouterr().err
