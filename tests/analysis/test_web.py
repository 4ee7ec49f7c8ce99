"""The report in Markdown."""

from __future__ import annotations

import re

from analysis import claims, kinds, web
from analysis.load import load


def test_it_has_every_figure_with_runs_and_the_tables_and_its_links_are_right(written, tmp_path):
    (path,) = web.write(load(written), tmp_path)
    page = path.read_text(encoding="utf-8")
    images = [path.parent / target for target in re.findall(r"\]\(([^)]+\.png)\)", page)]
    assert images and all(image.exists() for image in images)
    drawn = {image.stem for image in images}
    for item in kinds.items("figures"):
        empty = (written / f"figures/{item.name}.csv").read_text(encoding="utf-8").startswith("note\n")
        assert (item.name in drawn) != empty
    assert "<summary>Sequence tasks</summary>" in page
    assert "**Under-trained**" in page
    assert all(claim.sentence in page for claim in claims.claims(load(written)))
