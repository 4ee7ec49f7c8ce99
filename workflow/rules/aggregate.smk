# From run folders to tables and figures. Each step lists the analysis code that it uses: editing that repeats the
# step, and never a run.
rule fidelity:
    input:
        rooms_sources(),
    output:
        f"{RESULTS}/rooms_fidelity.csv",
    log:
        f"{RESULTS}/logs/fidelity.log",
    resources:
        **SMALL,
    message:
        "the rooms backend beside recordings of DeepMind Lab"
    shell:
        "python -m rtrl_bench fidelity --out={output:q}"
        " > {log:q} 2>&1 || {{ tail -n 5 -- {log:q} >&2; exit 1; }}"


# Which runs count, and which environments could not be run.
rule scale:
    input:
        INPUTS.file("scale"),
    output:
        scale=f"{RESULTS}/scale.json",
        missing=f"{RESULTS}/missing.json",
    log:
        f"{RESULTS}/logs/scale.log",
    localrule: True
    params:
        scale=INPUTS.scale,
        missing=INPUTS.missing,
    message:
        "the runs of scale {SCALE.name}"
    script:
        "../scripts/write_scale.py"


rule tables:
    input:
        runs=RECORDS,
        fidelity=FIDELITY,
        scale=f"{RESULTS}/scale.json",
        missing=f"{RESULTS}/missing.json",
        code=analysis_sources("tables"),
    output:
        with_captions(TABLES, "Tables"),
        outputs.captions(f"{RESULTS}/tables", "tables"),
        TABLE_RECORDS,
    log:
        f"{RESULTS}/logs/tables.log",
    benchmark:
        f"{RESULTS}/logs/tables.tsv"
    resources:
        **SMALL,
    params:
        results=subpath(input.scale, parent=True),
        folder=subpath(output[0], parent=True),
    message:
        "tables of all finished runs"
    shell:
        "python -m analysis.tables --runs={params.results:q} --out={params.folder:q}"
        " > {log:q} 2>&1 || {{ tail -n 5 -- {log:q} >&2; exit 1; }}"


rule figures:
    input:
        runs=RECORDS,
        scale=f"{RESULTS}/scale.json",
        missing=f"{RESULTS}/missing.json",
        code=analysis_sources("figures"),
    output:
        with_captions(FIGURES, "Figures"),
        outputs.captions(f"{RESULTS}/figures", "figures"),
    log:
        f"{RESULTS}/logs/figures.log",
    benchmark:
        f"{RESULTS}/logs/figures.tsv"
    resources:
        **SMALL,
    params:
        results=subpath(input.scale, parent=True),
        folder=subpath(output[0], parent=True),
    message:
        "figures of all finished runs"
    shell:
        "python -m analysis.figures --runs={params.results:q} --out={params.folder:q}"
        " > {log:q} 2>&1 || {{ tail -n 5 -- {log:q} >&2; exit 1; }}"
