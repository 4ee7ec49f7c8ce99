"""Files that are damaged, of another version or from a stranger: nothing is taken from them, and no code run."""

from __future__ import annotations

import io
import json
import os
import shutil
import zlib

import numpy as np
import pytest
import yaml
from processes import assert_same_records
from small_runs import config

from analysis import records as analysis_records
from rtrl_bench.cli import main
from rtrl_bench.envs.batch import unpack
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement.pretraining import ORIGIN_KEYS
from rtrl_bench.runs import checkpoint
from rtrl_bench.runs.settings import dump, to_dict
from workflow.scripts import scales

BACK = "the checkpoint before it is taken, and says so; the records are the same"
REFUSED = "refused with code 2 and the fix; no code is run"


class Malicious:
    """Its pickle makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run with the checkpoints of its beginning and its end."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    execute(config(), folder)
    return folder


@pytest.fixture
def unfinished(trained, tmp_path):
    """The same run, killed after its last checkpoint."""
    folder = shutil.copytree(trained, tmp_path / "unfinished")
    for name in ("run.json", "curve.csv", "evaluation.json"):
        (folder / name).unlink()
    return folder


def again(folder):
    """The run's command once more: its exit code."""
    path = folder.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(to_dict(config())))
    return main(["train", "--config", str(path), "--out", str(folder)])


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def without_its_end_of_line(path):
    path.write_bytes(path.read_bytes()[:50])


def emptied(path):
    path.write_bytes(b"")


def bit_flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def of_a_newer_format(path):
    path.write_bytes(path.read_bytes().replace(b"checkpoint 1 ", b"checkpoint 2 ", 1))


def unreadable(path):
    path.unlink()
    path.symlink_to("/proc/self/mem")  # whose beginning nobody can read


DAMAGES = {
    truncated: "damaged (its checksum does not match)",
    without_its_end_of_line: "not a checkpoint, or cut short",
    emptied: "not a checkpoint, or cut short",
    bit_flipped: "damaged (its checksum does not match)",
    of_a_newer_format: "has format 2, expected 1; another version of rtrl-bench wrote it",
    unreadable: "cannot be read (Input/output error)",
}
each_damage = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)


@pytest.mark.injects("the newest checkpoint is damaged, or of a newer format", "its file", BACK)
@each_damage
def test_a_bad_newest_checkpoint_falls_back_to_the_one_before(trained, unfinished, capsys, observed, damage):
    newest = max((unfinished / "checkpoint").glob("*.ckpt"))
    damage(newest)
    assert again(unfinished) == 0
    assert f"warning: {newest}: {DAMAGES[damage]}; trying the one before" in capsys.readouterr().err
    assert json.loads((unfinished / "run.json").read_text())["resumes"] == 1
    assert_same_records(trained, unfinished)
    observed(f"{damage.__name__.replace('_', ' ')}: lost: the updates since then, made again")


@pytest.mark.injects("every checkpoint is damaged, or of a newer format", "its files", REFUSED)
@each_damage
def test_bad_checkpoints_without_a_good_one_are_refused_with_the_fix(unfinished, capsys, observed, damage):
    for path in (unfinished / "checkpoint").glob("*.ckpt"):
        damage(path)
    assert again(unfinished) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert DAMAGES[damage] in said
    assert said.endswith("Remove the folder to start the run again")
    assert not (unfinished / "run.json").exists()
    observed(f"{damage.__name__.replace('_', ' ')}: exit code 2")


def test_a_bad_checkpoint_is_replaced_and_never_counted_among_those_that_are_kept(tmp_path):
    for updates in (1, 2, 9):
        checkpoint.save(tmp_path, {"updates": updates}, updates)
    bit_flipped(tmp_path / "000000000009.ckpt")
    (tmp_path / "000000000007.ckpt.part").write_bytes(b"half")
    checkpoint.save(tmp_path, {"updates": 3}, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000000002.ckpt", "000000000003.ckpt"]


@pytest.mark.injects("run.json is damaged", "its file", "said; the run is completed again from its checkpoint")
@pytest.mark.parametrize("content", ["", '{"status": "compl', "[]", '{"status": "complete"}'])
def test_a_damaged_record_is_written_again(trained, tmp_path, capsys, observed, content):
    folder = shutil.copytree(trained, tmp_path / "run")
    (folder / "run.json").write_text(content)
    assert again(folder) == 0
    assert f"warning: {folder / 'run.json'}: damaged, or of an unfinished run; written again" in capsys.readouterr().err
    assert_same_records(trained, folder)
    observed("lost: the evaluation, made again")


def test_a_checkpoint_that_says_not_of_which_run_it_is_is_refused(unfinished, capsys):
    checkpoint.save(unfinished / "checkpoint", {"counters": {}}, 30)
    assert again(unfinished) == 2
    assert "does not fit this version ('fingerprint')" in capsys.readouterr().err


@pytest.mark.injects("a stranger's checkpoint that holds code", "a pickle that makes a folder", REFUSED)
def test_a_checkpoint_cannot_run_code(unfinished, tmp_path, capsys, observed):
    strange = checkpoint.save(tmp_path / "strange", {"fingerprint": Malicious(tmp_path / "owned")}, 1)
    for path in (unfinished / "checkpoint").glob("*.ckpt"):
        shutil.copy(strange, path)
    assert again(unfinished) == 2
    assert main(["evaluate", str(unfinished)]) == 2
    assert "cannot be loaded safely" in capsys.readouterr().err
    assert not (tmp_path / "owned").exists()
    observed("train and evaluate: exit code 2, no folder")


@pytest.mark.injects("a stranger's vision stem that holds code", "a pickle that makes a folder", REFUSED)
def test_a_vision_stem_cannot_run_code(tmp_path, capsys, observed):
    source = tmp_path / "source"
    checkpoint.save(source / "checkpoint", {"fingerprint": Malicious(tmp_path / "owned")}, 1)
    theirs = config(environment="breakout", environment_options={}, vision="nature")
    record = {"status": "complete", "fingerprint": theirs.fingerprint(), "config": to_dict(theirs)}
    record |= {
        **dict.fromkeys(ORIGIN_KEYS, 0),
        "fingerprint": theirs.fingerprint(),
        "environment": "breakout",
        "simulator": "ale-py",
        "backend": "ale-py 0.11",
        "updates": 1,
    }
    (source / "run.json").write_text(json.dumps(record))
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({**to_dict(theirs), "pretrained": {"run": str(source)}}))
    assert main(["train", "--config", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "cannot be loaded safely" in capsys.readouterr().err
    assert not (tmp_path / "owned").exists()
    observed("exit code 2, no folder")


@pytest.mark.injects("an environment's state that holds code", "an array of objects that makes a folder", REFUSED)
def test_an_environments_state_cannot_run_code(tmp_path, observed):
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array([Malicious(tmp_path / "owned")], dtype=object))
    data = buffer.getvalue()
    with pytest.raises(ValueError, match=r"not an environment state: .*allow_pickle"):
        unpack(zlib.crc32(data).to_bytes(4, "big") + data)
    assert not (tmp_path / "owned").exists()
    observed("refused, no folder")


@pytest.mark.injects("a stranger's configuration that holds code", "a YAML tag that makes a folder", REFUSED)
def test_a_configuration_cannot_run_code(trained, unfinished, tmp_path, monkeypatch, capsys, observed):
    code = f"strange: !!python/object/apply:os.mkdir ['{tmp_path / 'owned'}']\n"
    (tmp_path / "strange.yaml").write_text(code)
    for command in ("train", "run"):
        assert main([command, "--config", str(tmp_path / "strange.yaml"), "--out", str(tmp_path / "out")]) == 2
        assert "strange.yaml: not valid YAML" in capsys.readouterr().err
    shutil.copy(scales.CONFIG_FOLDER / "config.yaml", tmp_path)
    monkeypatch.setattr(scales, "CONFIG_FOLDER", tmp_path)
    with pytest.raises(ConfigError, match=r"strange\.yaml: not valid YAML"):
        scales.load_scale({"scale": "strange", "results": str(tmp_path)})
    folder = shutil.copytree(trained, tmp_path / "run")
    (folder / "config.yaml").write_text(dump(config()) + code)
    with pytest.raises(analysis_records.Unusable, match=r"config\.yaml: not valid YAML"):
        analysis_records.read_run(folder, ".")
    assert not (tmp_path / "owned").exists()
    observed("train, run, a scale, the analysis: refused, no folder")
