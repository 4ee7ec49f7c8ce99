"""The page: well-formed, self-contained, complete."""

from __future__ import annotations

import base64
import io
import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from analysis import figures, kinds, report, tables
from analysis.load import load

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Tags with their attributes, ids and text; fails where a closing tag does not match."""

    def __init__(self, path: Path):
        super().__init__()
        self.path, self.source = path, path.read_text()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data

    def attributes(self, tag, name):
        """The values of an attribute over all tags of a kind that have it."""
        return [attributes[name] for found, attributes in self.tags if found == tag and name in attributes]


def make(root: Path) -> Page:
    """Tables, figures and page of a results folder, made by the commands."""
    options = ["--runs", str(root), "--out"]
    assert tables.main([*options, str(root / "tables")]) == 0
    assert figures.main([*options, str(root / "figures")]) == 0
    assert report.main([*options, str(root / "report")]) == 0
    return Page(root / "report" / "index.html")


@pytest.fixture(scope="module")
def page(written):
    """The page of the small tree, with one unfinished run and three environments that could not be run."""
    options = ["--runs", str(written), "--out", str(written / "report")]
    assert report.main(options) == 0
    return Page(written / "report" / "index.html")


def test_page_is_well_formed_and_semantic(page):
    names = [tag for tag, _ in page.tags]
    assert names.count("h1") == names.count("main") == names.count("nav") == 1
    assert names.count("figure") == names.count("figcaption") == len(kinds.names("figures"))
    assert page.attributes("html", "lang") == ["en"]
    assert "width=device-width, initial-scale=1" in page.attributes("meta", "content")


def test_page_refers_to_nothing_outside(page):
    assert not page.attributes("script", "src")
    values = [value for _, attributes in page.tags for value in attributes.values() if value]
    assert not [value for value in values if re.match(r"(\w+:)?//", value)]
    assert not re.search(r"@import|url\(", re.sub(r"<script.*?</script>", "", page.source, flags=re.DOTALL))
    assert all(source.startswith("data:") for source in page.attributes("img", "src"))
    assert all(target == "data:," for target in page.attributes("link", "href"))


def test_images_decode_at_the_size_that_the_page_gives(page):
    sources = page.attributes("img", "src")
    drawn = [
        name
        for name in kinds.names("figures")
        if not (page.path.parents[1] / f"figures/{name}.csv").read_text().startswith("note\n")
    ]
    assert len(sources) == len(drawn) >= 10
    for source, width in zip(sources, page.attributes("img", "width")):
        with Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/png;base64,")))) as image:
            image.load()
            assert image.width == pytest.approx(int(width) / report.PAGE_SCALE, abs=1)
    assert all(page.attributes("img", "alt"))


def test_links_resolve(page):
    ids = [value for _, attributes in page.tags for key, value in attributes.items() if key == "id"]
    assert len(ids) == len(set(ids))
    for target in page.attributes("a", "href"):
        if target.startswith("#"):
            assert target[1:] in ids
        else:
            assert not Path(target).is_absolute()
            assert (page.path.parent / target).is_file()
    for reference in [value for _, a in page.tags for key, value in a.items() if key == "aria-labelledby"]:
        assert reference in ids


def test_contents_lists_every_figure_and_table(page):
    targets = page.attributes("a", "href")
    assert all(f"#{name}" in targets for name in {*kinds.names("figures"), *kinds.names("tables")} - {"headline"})


def test_every_figure_and_table_links_its_data_and_the_command(page):
    targets = page.attributes("a", "href")
    assert all(f"../figures/{name}.csv" in targets for name in kinds.names("figures"))
    assert all(f"../tables/{name}.csv" in targets for name in kinds.names("tables"))
    assert page.text.count("snakemake --cores all figures --config scale=laptop") >= len(kinds.names("figures"))


def test_the_command_names_a_results_folder_as_a_shell_reads_it(written, tmp_path, monkeypatch):
    root = tmp_path / "it's mine/laptop"
    root.parent.mkdir()
    root.symlink_to(written)
    monkeypatch.chdir(tmp_path)
    (path,) = report.write(load(root), tmp_path / "out")
    text = Page(path).text
    (said, *_) = re.findall(r"snakemake .* figures .*", text)
    assert shlex.split(said)[-2:] == ["scale=laptop", "results=it's mine"]


def test_terms_are_explained_before_they_are_used(page):
    for term in ("segment", "sensitivities", "TBPTT"):
        assert page.text.index(term) < page.text.index("The paper's claims")
    for term in ("Vision stem", "Retention", "IQM"):
        assert page.text.index(term) < page.text.index("Contents")


def test_the_first_screen_has_question_figure_and_a_verdict_per_claim(page):
    first = " ".join(page.text[: page.text.index("How verdicts are reached")].split())
    assert "worth it? On " in first  # the answer comes first
    assert "Of the paper's 5 claims: " in first
    assert "times as long by RTRL as by TBPTT" in first
    assert first.count("comparisons shown") == 7  # the paper's five claims, and two on memory tasks
    assert "RTRL beats TBPTT on watermaze" in first
    assert "counts as equal" in page.text  # with the numbers, in the claim's section
    assert page.source.index("<img") < page.source.index("The paper's claims")


def test_the_page_says_what_the_papers_own_initialisation_gives_and_what_departs_from_it(page):
    text = " ".join(page.text.split())
    chance = "RTRL gains nothing that can be told from chance: T-maze, delay 20: 0.50 against 0.50"
    assert f"With the paper's own initialisation {chance}" in text
    assert "Departures from the paper: initial retention, how long new units keep what they saw: 20 steps" in text


def test_page_says_what_was_run_and_where(page):
    for fact in (
        "Test processor, 2 cores",
        "0123456789ab",
        "torch 2.13.0",
        "ale-py 0.12.1",
        "Runs121; 1 more were left out",
    ):
        assert fact in page.text


def test_page_lists_what_is_missing_once_per_suite_with_reason_and_fix(page):
    left_out = page.text[page.text.rindex("Missing and left out") :]
    assert "DMLab (rooms_watermaze, rooms_keys_doors_puzzle): DMLab <is> absent. Fix: wait" in left_out
    assert "Atari (seaquest): no ROM. Fix: get it" in left_out
    assert left_out.count("DMLab") == 2  # the suite's name and the reason
    assert "No runs, or not all, of: DMLab, Atari (why). 1 run was left out." in " ".join(page.text.split())


def test_page_lists_runs_left_out(page):
    reason = "run.json is missing: the run has not finished; start it again to continue; if it ended with an error, "
    reason += "run.log says why"
    assert f"{reason}: runs/reinforcement/breakout/rtrl/M50/seed9" in page.text


def test_page_works_in_light_and_dark_and_scrolls_wide_tables(page):
    assert "prefers-color-scheme: dark" in page.source
    wrappers = [a for tag, a in page.tags if tag == "div" and a.get("class") in ("scroll", "scroll tall")]
    names = [tag for tag, _ in page.tags]
    assert len(wrappers) == names.count("table") + names.count("img") - 1  # the first figure has no frame


def test_under_trained_runs_are_announced(page):
    assert "Under-trained" in page.text


def test_films_in_run_folders_are_shown_and_linked(tree):
    run = tree.run("dmlab", "rooms_watermaze", "rtrl", 0, returns=[20.0])
    Image.new("RGB", (96, 72)).save(run / report.FILM)
    page = make(tree.root)
    assert len([source for source in page.attributes("img", "src") if source.startswith("data:image/gif")]) == 1
    (target,) = [target for target in page.attributes("a", "href") if target.endswith(report.FILM)]
    assert (page.path.parent / target).is_file()
    assert "#films" in page.attributes("a", "href")
    assert "python -m rtrl_bench show --agent" in page.text


def test_of_a_setting_s_films_that_of_the_median_seed_is_shown(tree):
    for seed, score in enumerate([30.0, 10.0, 20.0]):
        run = tree.run("dmlab", "rooms_watermaze", "rtrl", seed, returns=[score])
        Image.new("RGB", (96, 72)).save(run / report.FILM)
    ((film,), _) = report.films(load(tree.root))
    assert film["folder"].endswith("seed2")
    assert "seed 2" in film["caption"] and "median of the 3 seeds 20.0" in film["caption"]


def test_the_film_of_an_agent_that_has_not_learned_is_left_out_with_a_line(tree):
    run = tree.run("dmlab", "rooms_watermaze", "rtrl", 0, returns=[0.5])
    Image.new("RGB", (96, 72)).save(run / report.FILM)
    page = make(tree.root)
    assert not [source for source in page.attributes("img", "src") if source.startswith("data:image/gif")]
    assert "Not shown, because these agents have not learned: " in page.text


def test_without_films_nothing_is_said_of_them(page):
    assert "Agents at play" not in page.text


def test_page_without_any_run(tree):
    page = make(tree.root)
    assert "No run in this folder has finished." in page.text
    assert "less than the paper's training" not in page.text
    assert "Atari: no finished run at this scale" in page.text


def test_smoke_page_says_that_numbers_mean_nothing(make_tree, tmp_path):
    tree = make_tree(tmp_path / "smoke")
    tree.run("atari", "breakout", "rtrl", 0)
    assert "smoke: numbers mean nothing" in make(tree.root).text


def test_text_from_records_is_escaped(tree):
    tree.run("atari", "breakout", "rtrl", 0, record={"device_name": "<script>alert(1)</script>"})
    assert "<script>alert" not in make(tree.root).source


def test_explorers_are_in_the_page_with_the_one_library_that_draws_them(page):
    assert page.source.count("window.vegaEmbed=") == 1
    specs = dict(re.findall(r'<script type="application/json" id="spec-(\w+)">(.*?)</script>', page.source, re.DOTALL))
    assert set(specs) == {"learning_curves", "pareto", "costs"}
    curves = json.loads(specs["learning_curves"])
    assert {param["name"] for param in curves["params"]} >= {"task", "unroll", "cell"}
    facts = curves["transform"][0]["from"]["fields"]
    assert {"seed", "score", "retention", "learning rate"} <= set(facts)


def test_a_run_stands_with_what_differs_from_the_task_s_shared_settings(page):
    section = page.text[page.text.rindex("Every run") :]
    assert "Chaser, M = 5: 9 runs" in section
    assert 'gradient "tbptt"' in section
    assert "../runs/reinforcement/chaser/rtrl/M5/seed0/run.json" in page.attributes("a", "href")


def test_the_verdict_column_stays_in_sight(page):
    assert re.search(r"#T_verdicts td\.col7 \{[^}]*position: sticky", page.source)


def test_report_without_figures_names_the_command_that_makes_them(tree, capsys):
    assert report.main(["--runs", str(tree.root), "--out", str(tree.root / "report")]) == 2
    assert "make it with python -m analysis.figures" in capsys.readouterr().err
