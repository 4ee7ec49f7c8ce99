# What the gradient methods cost: predicted, counted by a compiler, measured. One job with all cores, so that nothing
# else of the workflow disturbs its timings. Its only input is its resolved configuration; what it has found out before it
# is interrupted is in its folder, beside its outputs, and is not found out again.
rule complexity_study:
    input:
        config=config_of_study,
    output:
        expand(f"{RESULTS}/complexity/{{name}}", name=outputs.COMPLEXITY),
    log:
        f"{RESULTS}/complexity/study.log",
    benchmark:
        f"{RESULTS}/complexity/benchmark.tsv"
    threads: CORES
    resources:
        mem_mb=study_memory,
        runtime=study_minutes,
        gpu=study_gpus,
    params:
        folder=subpath(output[0], parent=True),
    message:
        "what the gradient methods cost (progress: {log})"
    shell:
        "python -m rtrl_bench complexity --config={input.config:q} --out={params.folder:q} --restart-if-changed --wait"
        " 2> {log:q} || {{ tail -n 5 -- {log:q} >&2; exit 1; }}"


rule complexity:
    input:
        files_of_complexity,
    message:
        "what the gradient methods cost"
