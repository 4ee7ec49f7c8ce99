# Names and helpers. What a scale contains is decided in workflow/scripts/scales.py.
import json
import re
from pathlib import Path

from workflow.scripts import estimates, jobs, outputs, startup, targets
from workflow.scripts.inputs import Inputs
from workflow.scripts.sources import analysis_sources, rooms_sources

SCALE = startup.start(config, main=workflow.is_main_process)
RESULTS = SCALE.folder.as_posix()
INPUTS = Inputs(SCALE)
JOBS = {f.relative_to(RESULTS).as_posix(): runs for f, runs in SCALE.jobs.items()}
NEEDED = targets.needed(SCALE)
RECORDS = targets.records(SCALE)
TABLES = outputs.made(f"{RESULTS}/tables", "tables")
TABLE_RECORDS = outputs.records(f"{RESULTS}/tables")
FIDELITY = targets.fidelity(SCALE)
FILMS = targets.films(SCALE)
FIGURES = outputs.made(f"{RESULTS}/figures", "figures")
# What a job asks for that is no run: 2 GB, no GPU, and one core, as is Snakemake's default.
SMALL = dict(mem_mb=2000, runtime=SCALE.minutes, gres="")
# How often a run is submitted again; inside of a job never, where it would run on beyond the queue's limit.
RETRIES = jobs.retries(run.job for run in SCALE.runs) if workflow.is_main_process else 0
CORES = workflow.resource_settings.cores or 1  # none given for --report
REPORT = f"{RESULTS}/report/index.html"
estimates.announce(SCALE, REPORT)


def stop_for_unknown_target(wildcards):
    targets.unknown(SCALE, wildcards.target)


def files_that_all_starts_from(wildcards):
    return [INPUTS.file(name) for name in INPUTS.names]


def files_of_target(name, wildcards):
    """The records of the runs that are called so, and what these start from."""
    return files_of_runs(targets.runs(SCALE, name))


def files_of_runs(runs):
    return [f"{run.folder.as_posix()}/run.json" for run in runs] + [
        INPUTS.file(SCALE.name_of(run)) for run in runs
    ]


def with_captions(files, category):
    """Outputs as `snakemake --report` shows them, with the caption that the analysis writes beside them."""
    shown = []
    for file in map(Path, files):
        caption = file.with_suffix(outputs.CAPTION).resolve()
        labels = {"name": file.stem, "format": file.suffix[1:]}
        shown.append(report(file, caption=caption, category=category, labels=labels))
    return shown


def text_of_input(wildcards):
    return INPUTS.text(wildcards.asked, wildcards.digest)


def input_of_run(name):
    """A run's configuration. A finished run was compared with it by content, so that its date means nothing."""
    path = INPUTS.file(name)
    return ancient(path) if INPUTS.finished(name) else path


def names_of_runs(wildcards):
    """Those that a job makes: one run, or the seeds of one setting, whose jobs have the same resources."""
    return [SCALE.name_of(run) for run in JOBS[wildcards.folder]]


def configs_of_runs(wildcards):
    return [input_of_run(name) for name in names_of_runs(wildcards)]


def records_needed(wildcards):
    """What runs wait for, such as the one that their vision stem comes from."""
    return [
        record_needed(name, folder)
        for name in names_of_runs(wildcards)
        for folder in NEEDED[name]
        if INPUTS.needs(name, folder)
    ]


def record_needed(name, folder):
    """The record of a run that another one builds on. If that was finished after it, the file's date means nothing."""
    path = f"{folder}/run.json"
    return ancient(path) if INPUTS.finished_after(name, folder) else path


def records_of(seeds):
    """What a job leaves in its folder: a record for each seed, if it makes several."""
    folder = f"{RESULTS}/{{folder}}"
    return [f"{folder}/{seed}/run.json" for seed in seeds] or f"{folder}/run.json"


def asked_of_the_program(wildcards, input):
    folders = [run.folder.as_posix() for run in JOBS[wildcards.folder]]
    return [f"--config={path}" for path in input.configs] + [
        f"--out={folder}" for folder in folders
    ]


def job_of(wildcards):
    return JOBS[wildcards.folder][0].job
