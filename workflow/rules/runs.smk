# Training. A run's only inputs are its resolved configuration, so that nothing but a changed configuration repeats it,
# and, where its vision stem is pre-trained, that run's record.
# The folder is a param, not an output: its checkpoint/ must outlive an interrupted job. Progress goes to the log,
# the result, one line, to the terminal. A run that a killed Snakemake left behind is waited for.


# The file is there if, and only if, the text is the one that is wanted (workflow/scripts/inputs.py).
rule input_file:
    output:
        f"{RESULTS}/inputs/{{name}}/{{digest}}.yaml",
    log:
        f"{RESULTS}/logs/inputs/{{name}}/{{digest}}.log",
    localrule: True
    params:
        folder=subpath(output[0], parent=True),
        text=text_of_input,
    message:
        "{wildcards.name}: what is wanted"
    shell:
        "{{ rm -f -- {params.folder:q}/*.yaml && printf %s {params.text:q} > {output:q}; }} 2> {log:q}"


rule train:
    input:
        config=config_of_run,
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
        folder=subpath(output.record, parent=True),
        command=command_of_run,
    message:
        "train {wildcards.folder} (progress: {log})"
    shell:
        "python -m rtrl_bench {params.command} --config={input.config:q} --out={params.folder:q} --restart-if-changed --wait"
        " --stop-after={resources.stop_s} 2> {log:q} || {{ tail -n 5 -- {log:q} >&2; exit 1; }}"


use rule train as train_and_compare with:
    output:
        curve=f"{RESULTS}/{{folder}}/curve.csv",
        gradient=f"{RESULTS}/{{folder}}/gradient.csv",
        evaluation=f"{RESULTS}/{{folder}}/evaluation.json",
        record=f"{RESULTS}/{{folder}}/run.json",
    wildcard_constraints:
        folder=COMPARED,


ruleorder: train_and_compare > train


rule copy_run:
    input:
        config=config_of_run,
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
        folder=subpath(output.record, parent=True),
    message:
        "train {wildcards.folder} (progress: {log})"
    shell:
        "python -m rtrl_bench copy-task --config={input.config:q} --out={params.folder:q} --restart-if-changed --wait"
        " --stop-after={resources.stop_s} 2> {log:q} || {{ tail -n 5 -- {log:q} >&2; exit 1; }}"


rule copy_task:
    input:
        files_of_copy_task,
    message:
        "every run of copy_task"
