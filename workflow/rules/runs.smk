# A run of whatever kind. Its only inputs are its resolved configuration, so that nothing but a changed configuration
# repeats it, and the records of the runs that it builds on.
# Its output is its record, which is written last; the files beside it are looked at by workflow/scripts/inputs.py. The
# folder is a param, not an output: its checkpoint/ must outlive an interrupted job. Progress goes to the log,
# the result, one line, to the terminal. A run that a killed Snakemake left behind is waited for.
# Short runs share a job and its process with the other seeds of their setting. If one fails or the job is interrupted,
# Snakemake deletes their records, and those that were finished are written again from their last checkpoints.


# What is asked for has the text that is wanted (workflow/scripts/inputs.py): another text is another file. Those that
# it replaces, of the same run or of the scale, are in its folder.
rule input_file:
    output:
        f"{RESULTS}/inputs/{{asked}}/{{digest}}.yaml",
    log:
        f"{RESULTS}/logs/inputs/{{asked}}/{{digest}}.log",
    priority: 2  # without it no run is ready, the longest neither
    localrule: True
    params:
        folder=subpath(output[0], parent=True),
        text=text_of_input,
    message:
        "{wildcards.asked}: what is wanted"
    shell:
        "{{ rm -f -- {params.folder:q}/*.yaml && printf %s {params.text:q} > {output:q}; }} 2> {log:q}"


for _seeds, _folders in targets.jobs_by_seeds(SCALE).items():

    rule:
        name:
            "_".join(["run", *_seeds])
        input:
            configs=configs_of_runs,
            needed=records_needed,
        output:
            records_of(_seeds),
        log:
            f"{RESULTS}/{{folder}}/run.log",
        benchmark:
            f"{RESULTS}/{{folder}}/benchmark.tsv"
        wildcard_constraints:
            folder="|".join(map(re.escape, _folders)),
        # The longest runs have jobs of their own: started first, they do not keep one core busy when all else is done.
        priority: 0 if _seeds else 1
        retries: RETRIES
        threads: lambda wildcards: job_of(wildcards).threads or CORES
        resources:
            mem_mb=lambda wildcards: job_of(wildcards).mem_mb,
            runtime=lambda wildcards: job_of(wildcards).minutes,
            stop_s=lambda wildcards: job_of(wildcards).stop_s,
            gres=lambda wildcards: job_of(wildcards).gres,
        params:
            asked=asked_of_the_program,
        message:
            "run {wildcards.folder} (progress: {log})"
        shell:
            "python -m rtrl_bench run {params.asked:q} --restart-if-changed --wait --stop-after={resources.stop_s}"
            " 2> {log:q} || {{ tail -n 5 -- {log:q} >&2; exit 1; }}"
