"""Run by the rule `scale`: its two texts, which may be longer than a command line, into its two files."""

from pathlib import Path

job = globals()["snakemake"]  # what Snakemake gives a script
for path, text in zip(job.output, job.params, strict=True):
    Path(path).write_text(text, encoding="utf-8")
