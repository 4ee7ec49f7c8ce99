# Names and helpers. What a scale contains is decided in workflow/scripts/scales.py.
from pathlib import Path

from workflow.scripts import outputs, startup, targets
from workflow.scripts.sources import analysis_sources, rooms_sources

SCALE = startup.start(config, announce=workflow.is_main_process)
RESULTS = SCALE.folder.as_posix()
JOBS = {
    run.folder.relative_to(SCALE.folder).as_posix(): run.job for run in SCALE.all_runs
}
STEMS = targets.stems(SCALE)
RUN_RECORDS = targets.records(SCALE.all_runs)
COPY_RECORDS = targets.records(SCALE.copy_runs)
TABLES = outputs.tables(f"{RESULTS}/tables")
TABLE_RECORDS = outputs.records(f"{RESULTS}/tables")
FIDELITY = targets.fidelity(SCALE)
FIGURES = outputs.figures(f"{RESULTS}/figures")
CORES = workflow.resource_settings.cores or 1  # none given for --report
REPORT = f"{RESULTS}/report/index.html"


def files_of_target(name, wildcards):
    """The records of a suite or an environment."""
    return targets.run_files(SCALE, name)


def with_captions(files, category):
    """Outputs as `snakemake --report` shows them, with workflow/report/<name>.rst."""
    shown = []
    for file in map(Path, files):
        caption = f"../report/{file.stem}.rst"
        labels = {"name": file.stem, "format": file.suffix[1:]}
        shown.append(report(file, caption=caption, category=category, labels=labels))
    return shown


def record_of_pretraining(wildcards):
    """What a run with a pre-trained vision stem waits for; nothing for other runs."""
    return STEMS.get(wildcards.folder, [])


def job_threads(wildcards):
    """CPU cores of a job: those in its configuration, where 0 stands for all."""
    return JOBS[wildcards.folder].threads or CORES


def job_memory(wildcards):
    return JOBS[wildcards.folder].mem_mb


def job_minutes(wildcards):
    return JOBS[wildcards.folder].runtime


def job_gpus(wildcards):
    return JOBS[wildcards.folder].gpu
