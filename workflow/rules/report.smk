# What an agent sees as it plays, the page, and the plan: what will run and for how long.
rule film:
    input:
        record=f"{RESULTS}/{{folder}}/run.json",
    output:
        f"{RESULTS}/{{folder}}/film.gif",
    log:
        f"{RESULTS}/{{folder}}/film.log",
    resources:
        **SMALL,
    params:
        folder=subpath(input.record, parent=True),
    message:
        "film of {wildcards.folder}"
    shell:
        "python -m rtrl_bench show --agent={params.folder:q} --frames=150 --scale=1 --out={output:q}"
        " > {log:q} 2>&1 || {{ tail -n 5 -- {log:q} >&2; exit 1; }}"


rule report:
    input:
        runs=RECORDS,
        fidelity=FIDELITY,
        tables=TABLES + TABLE_RECORDS,
        figures=FIGURES,
        films=FILMS,
        scale=f"{RESULTS}/scale.json",
        missing=f"{RESULTS}/missing.json",
        code=analysis_sources("report"),
    output:
        report(REPORT, caption="../report/report.rst", category="Report"),
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/logs/report.tsv"
    resources:
        **SMALL,
    params:
        results=subpath(input.scale, parent=True),
        folder=subpath(output[0], parent=True),
    message:
        "report: {output}"
    shell:
        "python -m analysis.report --runs={params.results:q} --out={params.folder:q}"
        " > {log:q} 2>&1 || {{ tail -n 5 -- {log:q} >&2; exit 1; }};"
        " echo done: {output:q} || true"


rule plan:
    log:
        f"{RESULTS}/logs/plan.txt",
    localrule: True
    params:
        settings=[
            f"{key}={json.dumps(value)}"
            for key, value in {"scale": SCALE.name, **config}.items()
        ],
        cores=CORES,
    message:
        "plan of scale {SCALE.name}"
    shell:
        "python -m workflow.scripts.plan --set {params.settings:q} --cores={params.cores} > {log:q}"
        " && {{ cat -- {log:q} || true; }}"
