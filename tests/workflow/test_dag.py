"""What Snakemake decides to do, seen through dry runs of a small scale that was finished before."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile

import pytest
from small_scales import SETTINGS, small_scale

from rtrl_bench.errors import ConfigError
from workflow.scripts import scales, targets

RUNS = {
    "runs/reinforcement/alpha/tbptt/M5/seed0",
    "runs/reinforcement/alpha/rtrl/M5/seed0",
    "runs/reinforcement/alpha/rtrl_retention20/M5/seed0",
    "runs/reinforcement/beta/tbptt/M5/seed0",
    "runs/reinforcement/beta/rtrl/M5/seed0",
    "runs/reinforcement/delta/pretrain_tbptt/M50/seed0",
    "runs/reinforcement/delta/tbptt/M5/seed0",
    "runs/reinforcement/delta/rtrl/M5/seed0",
}
COPY_TASK = "runs/sequences/copy_task/copy/rtrl"  # two seeds, made by one job
COPY_RUNS = {f"{COPY_TASK}/seed0", f"{COPY_TASK}/seed1"}
STUDIES = {"runs/costs/complexity"}


def _edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_every_run_of_the_scale_is_made(first_run):
    folder = first_run[0].root / "results/tiny"
    made = {path.parent.relative_to(folder).as_posix() for path in folder.rglob("run.json")}
    assert made == RUNS | COPY_RUNS | STUDIES


def test_what_rtrl_s_agents_see_is_filmed(first_run):
    folder = first_run[0].root / "results/tiny/runs/reinforcement"
    filmed = {path.parent.relative_to(folder).as_posix() for path in folder.rglob("film.gif")}
    agents = {path.parent.relative_to(folder).as_posix() for path in folder.rglob("run.json")}
    assert filmed == {agent for agent in agents if "/rtrl" in agent}


def test_results_are_shown_and_progress_goes_to_the_log(first_run):
    project, done = first_run
    assert "result of results/tiny/runs/reinforcement/alpha/rtrl/M5/seed0" in done.stdout
    assert "progress" not in done.stdout.splitlines()
    log = project.root / "results/tiny/runs/reinforcement/alpha/rtrl/M5/seed0/run.log"
    assert log.read_text() == "progress\n"


def test_seeds_that_share_a_job_are_made_by_one_process(first_run):
    assert (first_run[0].root / "results/tiny" / COPY_TASK / "run.log").read_text() == "progress\n" * 2


def test_an_environment_without_simulator_is_left_out_and_said_so(first_run):
    project, done = first_run
    assert "left out of this run: gamma: libgamma is not installed. Fix: install libgamma" in done.stderr
    (missing,) = json.loads((project.root / "results/tiny/missing.json").read_text())
    assert missing == {
        "name": "gamma",
        "suite": "symbols",
        "reason": "libgamma is not installed",
        "fix": "install libgamma",
    }


def _contents(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_a_dry_run_of_a_changed_scale_writes_nothing(project):
    _edit(project.root / "workflow/config/tiny.yaml", "{ threads: 1,", "{ threads: 1, hidden: 7,")
    before = _contents(project.root / "results")
    assert project.planned("all")[1] == RUNS
    assert _contents(project.root / "results") == before


def test_a_run_without_one_of_its_files_or_whose_record_is_damaged_or_anothers_is_made_again(project):
    deleted = {
        "runs/reinforcement/alpha/tbptt/M5/seed0": "curve.csv",
        "runs/reinforcement/delta/rtrl/M5/seed0": "gradient.csv",
        "runs/reinforcement/beta/tbptt/M5/seed0": "evaluation.json",
        "runs/costs/complexity": "costs.csv",
        f"{COPY_TASK}/seed1": "curve.csv",  # the job of both seeds
    }
    damaged = {
        "runs/reinforcement/beta/rtrl/M5/seed0": "half",
        "runs/reinforcement/alpha/rtrl/M5/seed0": '{"status": "complete", "fingerprint": "0123456789ab"}',
    }
    gone = "runs/reinforcement/alpha/rtrl_retention20/M5/seed0"
    for run, name in {**deleted, gone: "run.json"}.items():
        (project.root / "results/tiny" / run / name).unlink()
    for run, record in damaged.items():
        (project.root / "results/tiny" / run / "run.json").write_text(record)
    shutil.rmtree(project.root / ".snakemake")
    again = {*deleted, *damaged, gone, COPY_TASK} - {f"{COPY_TASK}/seed1"}
    assert project.planned("all") == ({"tables", "figures", "report", "all"}, again)


def test_a_changed_configuration_is_seen_without_what_snakemake_remembers(project):
    shutil.rmtree(project.root / ".snakemake")
    assert project.planned("all") == (set(), set())
    _edit(project.root / "workflow/config/tiny.yaml", "beta: { env_steps: 200 }", "beta: { env_steps: 300 }")
    expected = {run for run in RUNS if "/beta/" in run}
    assert project.planned("all") == ({"tables", "figures", "report", "all"}, expected)


def test_a_wish_that_is_taken_back_before_its_run_began_repeats_nothing(project):
    scale = project.root / "workflow/config/tiny.yaml"
    old, new = "beta: { env_steps: 200 }", "beta: { env_steps: 300 }"
    _edit(scale, old, new)
    done = project.snakemake("beta", "--until", "input_file")
    assert done.returncode == 0, done.stderr
    _edit(scale, new, old)
    assert project.planned("all") == (set(), set())


def test_an_environment_that_is_there_now_is_in_the_tables_without_what_snakemake_remembers(project):
    shutil.rmtree(project.root / ".snakemake")
    _edit(
        project.root / "rtrl_bench/envs/letters.py", '("gamma", "symbols", _absent)', '("gamma", "symbols", _present)'
    )
    steps, trained = project.planned("all")
    assert trained == {f"runs/reinforcement/gamma/{method}/M5/seed0" for method in ("tbptt", "rtrl")}
    assert steps == {"tables", "figures", "report", "all"}


def test_runs_that_were_finished_elsewhere_are_finished(project):
    shutil.rmtree(project.root / ".snakemake")
    shutil.rmtree(project.root / "results/tiny/inputs")
    for config in (project.root / "results").rglob("config.yaml"):
        config.touch()
    assert project.planned("letters", "pictures", "copy_task", "complexity") == (set(), set())


def test_editing_a_plotting_file_or_a_figure_plots_again_and_trains_nothing(project):
    _edit(project.root / "analysis/figures.py", "kind = ", "kind  =  ")
    _edit(project.root / "analysis/costs/figures/cost_against_L.py", "Peak memory, FLOPs", "Memory, FLOPs")
    assert project.planned("all") == ({"figures", "report", "all"}, set())


def test_editing_shared_analysis_code_repeats_every_step_and_trains_nothing(project):
    (project.root / "analysis/shared.py").write_text("CHANGED = True\n")
    assert project.planned("all") == ({"tables", "figures", "report", "all"}, set())


def test_editing_a_table_writes_tables_and_page_again_and_trains_nothing(project):
    _edit(project.root / "analysis/reinforcement/tables/scores.py", "Every game setting", "Each game setting")
    assert project.planned("all") == ({"tables", "report", "all"}, set())


def test_snakemakes_own_report_has_each_figure_with_the_caption_that_the_analysis_wrote(project):
    (project.root / "results/tiny/figures/fig2_atari.rst").write_text("What ``fig2`` shows.\n")
    done = project.snakemake("all", "--report", "report.zip")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(project.root / "report.zip") as file:
        page = file.read("report/report.html").decode()
    assert page.count("shows.</p>") == 3  # of the PNG, the PDF and the CSV


def test_changing_a_pretraining_and_the_study_of_costs_makes_these_and_the_runs_that_build_on_them_only(project):
    _edit(project.root / "workflow/config/tiny.yaml", "{ env_steps: 400 }", "{ env_steps: 500 }")
    _edit(project.root / "workflow/config/tiny.yaml", "values: [4, 8]", "values: [4, 8, 16]")
    expected = {run for run in RUNS if "/delta/" in run}
    assert project.planned("all") == ({"tables", "figures", "report", "all"}, expected | STUDIES)


def test_changing_the_runs_that_build_on_a_pretraining_leaves_it_alone(project):
    _edit(
        project.root / "workflow/config/tiny.yaml",
        "      delta: { gradient_quality: 3 }\n",
        "      delta: { gradient_quality: 3 }\n    run: { loss: { discount: 0.9 } }\n",
    )
    _edit(
        project.root / "workflow/config/tiny.yaml", "{ env_steps: 400 }", "{ env_steps: 400, loss: { discount: 0.99 } }"
    )
    expected = {run for run in RUNS if "/delta/" in run and "pretrain" not in run}
    assert project.planned("all") == ({"tables", "figures", "report", "all"}, expected)


def test_a_run_with_a_pretrained_stem_needs_the_run_that_the_stem_comes_from(project):
    wanted = "runs/reinforcement/delta/rtrl/M5/seed0"
    _, trained = project.planned(f"elsewhere/tiny/{wanted}/run.json", "results=elsewhere")
    assert trained == {"runs/reinforcement/delta/pretrain_tbptt/M50/seed0", wanted}


def test_a_scale_without_a_study_of_costs_makes_everything_else(project):
    path = project.root / "workflow/config/tiny.yaml"
    path.write_text(path.read_text().partition("  complexity:")[0])
    steps, _ = project.planned("all", "results=elsewhere")
    assert steps == {"tables", "figures", "report", "all"}


def test_another_device_number_of_threads_or_time_limit_repeats_nothing(project):
    assert project.planned("all", "device=cpu", "threads=2", "time_limit=7") == (set(), set())


def test_null_can_be_given_on_the_command_line_and_an_environment_needs_its_own_runs_only(project):
    expected = {run for run in RUNS if "/beta/" in run}
    words = "beta", "results=elsewhere", "threads=null", "time_limit=null"
    assert project.planned(*words) == ({"beta"}, expected)


def test_every_named_target_is_there(project):
    targets = ["all", "letters", "pictures", "alpha", "delta", "copy_task", "fidelity", "tables", "figures", "report"]
    targets += ["plan", "complexity"]
    steps, trained = project.planned(*targets, "results=elsewhere")
    assert steps == set(targets)
    assert trained == RUNS | {COPY_TASK} | STUDIES
    assert not (project.root / "elsewhere").exists()


def test_after_a_failure_the_commands_are_told_that_do_without_the_run(project):
    (project.root / "rtrl_bench/__main__.py").write_text("raise SystemExit(3)")
    (project.root / "results/tiny/runs/reinforcement/beta/rtrl/M5/seed0/run.json").unlink()
    shutil.rmtree(project.root / "results/tiny/report")
    done = project.snakemake("all")
    assert done.returncode == 1
    commands = done.stderr.partition("report of the runs that are finished:\n")[2].splitlines()
    assert [command.split()[2] for command in commands[:3]] == [
        "analysis.tables",
        "analysis.figures",
        "analysis.report",
    ]
    page = project.root / "results/tiny/report/index.html"
    page.parent.mkdir()
    subprocess.run(commands[2], shell=True, cwd=project.root, check=True)
    assert page.exists()


def _error(done):
    """The only line of an error, of a call that ended with exit code 2."""
    assert done.returncode == 2
    (error,) = [line for line in done.stderr.splitlines() if "rror" in line]
    return error


def test_a_mistake_in_a_target_ends_with_one_message(first_run):
    error = _error(first_run[0].snakemake("-n", "tabels"))
    assert error.startswith("error: unknown target 'tabels': expected one of all, plan, fidelity, ")
    assert error.endswith("; did you mean tables?")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda scale: targets.unknown(scale, "memroy"), "unknown target 'memroy': .*; did you mean memory?"),
        (lambda scale: targets.runs(scale, "complexity"), "scale given has no runs of complexity: .* one of tmaze; "),
    ],
    ids=["no such target", "none of this scale"],
)
def test_a_target_without_runs_is_named(expand, capsys, call, said):
    with pytest.raises(SystemExit) as caught:
        call(expand(small_scale()))
    assert caught.value.code == 2
    assert re.match(f"error: {said}", capsys.readouterr().err)


def test_a_mistake_on_the_command_line_is_not_said_to_be_in_a_file(first_run):
    error = _error(first_run[0].snakemake("-n", "scal=tiny"))
    assert re.fullmatch(r"error: config.yaml or --config: unknown key scal: .*; did you mean scale.*", error)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"threads": "two"}, "config.yaml or --config: threads = 'two': expected an integer"),
        ({"device": "gpu"}, "config.yaml or --config: device = 'gpu': expected one of auto, cpu, cuda"),
        ({"scale": "lapto"}, r"scale = 'lapto': expected one of laptop, .*smoke.* \(the files of workflow/config\)"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(setting, said):
    with pytest.raises(ConfigError, match=f"^{said}"):
        scales.load_scale(SETTINGS | {"scale": "smoke"} | setting)
