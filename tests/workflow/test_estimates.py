"""What the plan reckons reaches the logger that shows the time left."""

from __future__ import annotations

import logging

import pytest
from small_scales import small_scale
from snakemake.logging import logger

from workflow.scripts import estimates


@pytest.fixture
def heard():
    """The records that Snakemake's loggers get."""
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield records
    logger.setLevel(before)
    logger.removeHandler(handler)


def test_the_core_seconds_of_runs_by_folder_and_of_jobs_by_rule(expand, heard):
    scale = expand(small_scale())
    (folder, _), *_ = scale.jobs.items()
    estimates.write(scale, {folder: 60.0})
    estimates.announce(scale, "report/index.html")
    (record,) = heard
    assert record.estimates["runs"] == {scale.name_of(scale.jobs[folder][0]): 60.0}
    assert set(estimates.RULES) <= set(record.estimates["rules"])
    assert record.report == "report/index.html"


@pytest.mark.parametrize("text", [None, "{"])
def test_without_a_plan_there_are_none(expand, heard, text):
    scale = expand(small_scale())
    if text is not None:
        (scale.folder / "logs").mkdir(parents=True)
        (scale.folder / estimates.FILE).write_text(text)
    estimates.announce(scale, "")
    (record,) = heard
    assert record.estimates is None
