# From runs to the report: `snakemake --cores all` (scale laptop), `snakemake --cores all --config scale=smoke`.
# Targets: all, plan, a suite (atari, procgen, memory, ...), an environment (breakout, ...), sequences, copy_task,
# complexity, tables, figures, report. Every key: workflow/config/README.md.
from functools import partial

from snakemake.utils import min_version

min_version("9.10")


report: "workflow/report/workflow.rst"


# Used with --sdm apptainer only; without it the rules run in the environment that runs Snakemake.
container: "docker://python:3.11-slim"


include: "workflow/rules/common.smk"


rule all:
    default_target: True
    input:
        REPORT,
        TABLES,
        FIGURES,
        # What only other steps need is not missed by Snakemake where it is not asked for here.
        RECORDS,
        FIDELITY,
        files_that_all_starts_from,
    message:
        f"everything of scale {SCALE.name}"


for _name in targets.names(SCALE):

    rule:
        name:
            _name
        input:
            partial(files_of_target, _name),
        message:
            f"every run of {_name}"


# What no other rule makes: a target with a mistake in its name.
rule unknown_target:
    input:
        stop_for_unknown_target,
    output:
        "{target}",
    wildcard_constraints:
        target="[^/]+",


include: "workflow/rules/runs.smk"
include: "workflow/rules/aggregate.smk"
include: "workflow/rules/report.smk"


# The rules want every run; the analysis does with what is there.
onerror:
    if workflow.is_main_process:
        outputs.say_how_to_do_without_the_rest(RESULTS)
