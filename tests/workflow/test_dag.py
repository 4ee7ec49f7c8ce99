"""What Snakemake decides to do, seen through dry runs of a small scale that was finished before."""

from __future__ import annotations

import json
import re
import shutil
import zipfile

import pytest

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
COPY_RUNS = {"runs/sequences/copy_task_L3/rtrl/seed0"}
STUDIES = {"runs/costs/complexity"}


def _edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_every_run_of_the_scale_is_made(first_run):
    folder = first_run[0].root / "results/tiny"
    made = {path.parent.relative_to(folder).as_posix() for path in folder.rglob("run.json")}
    assert made == RUNS | COPY_RUNS | STUDIES


def test_results_are_shown_and_progress_goes_to_the_log(first_run):
    project, done = first_run
    assert "result of results/tiny/runs/reinforcement/alpha/rtrl/M5/seed0" in done.stdout
    assert "progress" not in done.stdout.splitlines()
    log = project.root / "results/tiny/runs/reinforcement/alpha/rtrl/M5/seed0/run.log"
    assert log.read_text() == "progress\n"


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


def test_a_dry_run_of_a_new_results_folder_does_not_make_it(project):
    assert project.planned("all", "results=elsewhere")[1] == RUNS | COPY_RUNS | STUDIES
    assert not (project.root / "elsewhere").exists()


@pytest.mark.parametrize("name", ["curve.csv", "gradient.csv", "evaluation.json", "run.json"])
def test_a_deleted_file_of_a_run_makes_that_run_again(project, name):
    run = "runs/reinforcement/delta/rtrl/M5/seed0"
    (project.root / "results/tiny" / run / name).unlink()
    assert project.planned("all") == ({"tables", "figures", "report", "all"}, {run})


@pytest.mark.parametrize("record", ["half", '{"status": "complete", "fingerprint": "0123456789ab"}'])
def test_a_run_whose_record_is_damaged_or_anothers_is_made_again(project, record):
    run = "runs/reinforcement/beta/rtrl/M5/seed0"
    (project.root / "results/tiny" / run / "run.json").write_text(record)
    shutil.rmtree(project.root / ".snakemake")
    assert project.planned("all") == ({"tables", "figures", "report", "all"}, {run})


@pytest.mark.parametrize("name", ["costs.csv", "run.json"])
def test_a_deleted_file_of_the_study_of_costs_makes_it_again(project, name):
    (project.root / "results/tiny/runs/costs/complexity" / name).unlink()
    assert project.planned("all") == ({"tables", "figures", "report", "all"}, STUDIES)


def test_a_changed_configuration_is_seen_without_what_snakemake_remembers(project):
    shutil.rmtree(project.root / ".snakemake")
    assert project.planned("all") == (set(), set())
    _edit(project.root / "workflow/config/tiny.yaml", "beta: { env_steps: 200 }", "beta: { env_steps: 300 }")
    assert project.planned("all")[1] == {run for run in RUNS if "/beta/" in run}


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


def test_editing_a_plotting_file_plots_again_and_trains_nothing(project):
    _edit(project.root / "analysis/figures.py", "kind = ", "kind  =  ")
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


def test_editing_a_figure_writes_figures_and_page_again_and_trains_nothing(project):
    _edit(project.root / "analysis/costs/figures/cost_against_L.py", "Peak memory, FLOPs", "Memory, FLOPs")
    assert project.planned("all") == ({"figures", "report", "all"}, set())


def test_changing_the_budget_of_an_environment_trains_that_environment_only(project):
    _edit(project.root / "workflow/config/tiny.yaml", "beta: { env_steps: 200 }", "beta: { env_steps: 300 }")
    expected = {run for run in RUNS if "/beta/" in run}
    assert project.planned("all") == ({"tables", "figures", "report", "all"}, expected)


def test_changing_a_pretraining_trains_it_and_the_runs_that_build_on_it_only(project):
    _edit(project.root / "workflow/config/tiny.yaml", "{ env_steps: 400 }", "{ env_steps: 500 }")
    expected = {run for run in RUNS if "/delta/" in run}
    assert project.planned("all") == ({"tables", "figures", "report", "all"}, expected)


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


def test_changing_the_study_of_costs_makes_it_again_and_nothing_else(project):
    _edit(project.root / "workflow/config/tiny.yaml", "values: [4, 8]", "values: [4, 8, 16]")
    assert project.planned("all") == ({"tables", "figures", "report", "all"}, STUDIES)


def test_a_scale_without_a_study_of_costs_makes_everything_else(project):
    path = project.root / "workflow/config/tiny.yaml"
    path.write_text(path.read_text().partition("  complexity:")[0])
    steps, _ = project.planned("all", "results=elsewhere")
    assert steps == {"tables", "figures", "report", "all", "fidelity"}
    done = project.snakemake("-n", "complexity")
    assert done.returncode != 0
    assert "error: scale tiny has no runs of complexity: expected one of alpha, " in done.stderr


def test_another_device_or_number_of_threads_repeats_nothing(project):
    assert project.planned("all", "device=cpu", "threads=2") == (set(), set())


def test_an_environment_is_a_target_that_needs_its_own_runs_only(project):
    expected = {run for run in RUNS if "/beta/" in run}
    assert project.planned("beta", "results=elsewhere") == ({"beta"}, expected)


def test_every_named_target_is_there(project):
    targets = ["all", "letters", "pictures", "alpha", "delta", "copy_task", "fidelity", "tables", "figures", "report"]
    targets += ["plan", "complexity"]
    steps, trained = project.planned(*targets, "results=elsewhere")
    assert steps == set(targets)
    assert trained == RUNS | COPY_RUNS | STUDIES


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("bet", "error: unknown target 'bet': expected one of all, plan, fidelity, "),
        ("tabels", "; did you mean tables?"),
        ("leters", "; did you mean letters?"),
    ],
)
def test_a_mistake_in_a_target_is_named(project, word, said):
    done = project.snakemake("-n", word)
    assert done.returncode == 2
    (error,) = [line for line in done.stderr.splitlines() if "rror" in line]
    assert said in error


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("scal=tiny", "unknown key scal: expected one of scale, results, .*; did you mean scale"),
        ("threads=two", "threads = 'two': expected an integer"),
        ("device=gpu", "device = 'gpu': expected one of auto, cpu, cuda"),
    ],
)
def test_a_mistake_on_the_command_line_is_not_said_to_be_in_a_file(project, setting, said):
    done = project.snakemake("-n", setting)
    assert done.returncode == 2
    (error,) = [line for line in done.stderr.splitlines() if "rror" in line]
    assert re.fullmatch(rf"error: config.yaml or --config: {said}.*", error)


def test_null_can_be_given_on_the_command_line(project):
    assert project.planned("all", "threads=null", "time_limit=null") == (set(), set())


def test_a_mistake_in_the_configuration_stops_with_one_message(project):
    done = project.snakemake("-n", "scale=lapto")
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if "rror" in line]
    assert errors == [
        "error: scale = 'lapto': expected one of laptop, overnight, paper, smoke, tiny (the files of workflow/config)"
    ]
