# Training. A run's only inputs are its resolved configuration, so that nothing but a changed configuration repeats it,
# and, where its vision stem is pre-trained, that run's record.
# The folder is a param, not an output: its checkpoint/ must outlive an interrupted job. Progress goes to the log,
# the result, one line, to the terminal. A run that a killed Snakemake left behind is waited for.
rule train:
    input:
        config=f"{RESULTS}/{{folder}}/config.yaml",
        pretraining=record_of_pretraining,
    output:
        curve=f"{RESULTS}/{{folder}}/curve.csv",
        evaluation=f"{RESULTS}/{{folder}}/evaluation.json",
        record=f"{RESULTS}/{{folder}}/run.json",
    log:
        f"{RESULTS}/{{folder}}/train.log",
    benchmark:
        f"{RESULTS}/{{folder}}/benchmark.tsv"
    wildcard_constraints:
        folder="runs/.+",
    retries: RETRIES
    threads: job_threads
    resources:
        mem_mb=job_memory,
        runtime=job_minutes,
        stop_s=job_stop,
        gpu=job_gpus,
    params:
        folder=subpath(input.config, parent=True),
    message:
        "train {wildcards.folder} (progress: {log})"
    shell:
        "python -m rtrl_bench train --config {input.config} --out {params.folder} --restart-if-changed --wait"
        " --stop-after {resources.stop_s} 2> {log} || {{ tail -n 5 {log} >&2; exit 1; }}"


rule copy_run:
    input:
        config=f"{RESULTS}/{{folder}}/config.yaml",
    output:
        curve=f"{RESULTS}/{{folder}}/curve.csv",
        record=f"{RESULTS}/{{folder}}/run.json",
    log:
        f"{RESULTS}/{{folder}}/train.log",
    benchmark:
        f"{RESULTS}/{{folder}}/benchmark.tsv"
    wildcard_constraints:
        folder="copy_task/.+",
    retries: RETRIES
    threads: job_threads
    resources:
        mem_mb=job_memory,
        runtime=job_minutes,
        stop_s=job_stop,
        gpu=job_gpus,
    params:
        folder=subpath(input.config, parent=True),
    message:
        "train {wildcards.folder} (progress: {log})"
    shell:
        "python -m rtrl_bench copy-task --config {input.config} --out {params.folder} --restart-if-changed --wait"
        " --stop-after {resources.stop_s} 2> {log} || {{ tail -n 5 {log} >&2; exit 1; }}"


rule copy_task:
    input:
        COPY_RECORDS,
    message:
        "every run of copy_task"
