"""A report as a browser shows it, offline: no errors, every figure, links that lead somewhere, no sideways scroll.

check.py CHROMIUM PAGE. The page is opened in frames as wide as a desktop and a phone, each in light and dark.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote

WIDTHS = (1280, 390)
# What tables are sorted by: the first number of a cell with its unit, else the text.
CELLS = {"3 of 10": 3, "1.8 k": 1800, "234 ± 12": 234, "−0.5 [−1, 0]": -0.5, "< 0.001": 0.001, "12,978": 12978,
         "2 KiB": 2048, "3 min": 180, "40 steps": 40, "M = 5": "M = 5"}  # fmt: skip
PROBE = """
const errors = [];
addEventListener("message", event => errors.push(event.data));
addEventListener("load", () => setTimeout(() => {
  const found = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, images = [...page.images];
    return {
      width: frame.width,
      figures: images.filter(i => !i.alt.startsWith("Film")).length,
      broken: images.filter(i => !i.complete || !i.naturalWidth).map(i => i.alt),
      overflow: page.documentElement.scrollWidth - frame.clientWidth,
      dark: getComputedStyle(page.body).backgroundColor,
      values: frame.contentWindow.eval(`CELLS.map(text => value({textContent: text}))`),
      headings: page.querySelectorAll("h2").length,
      lost: [...page.querySelectorAll('a[href^="#"]')].map(a => a.hash.slice(1)).filter(id => !page.getElementById(id)),
    };
  });
  document.body.textContent = "PROBE" + JSON.stringify({found, errors}) + "EBORP";
}, 500));
"""
PROBE = PROBE.replace("CELLS", json.dumps(list(CELLS)))
REPORT_ERRORS = '<script>onerror = text => parent.postMessage(String(text), "*")</script>'


def opened(chromium: str, page: Path, dark: bool) -> tuple[dict, str]:
    """What the probe saw in the page, and what the browser complained of."""
    source = page.read_text().replace("<head>", "<head>" + REPORT_ERRORS, 1)
    frames = "".join(f'<iframe width="{w}" height="900" srcdoc="{html.escape(source)}"></iframe>' for w in WIDTHS)
    with tempfile.TemporaryDirectory() as folder:
        wrapper = Path(folder) / "wrapper.html"
        wrapper.write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{frames}<script>{PROBE}</script></body>")
        done = subprocess.run(
            [
                *(chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile"),
                *("--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--window-size=1700,1000"),
                *("--virtual-time-budget=10000", f"--blink-settings=preferredColorScheme={0 if dark else 1}"),
                *("--dump-dom", wrapper.as_uri()),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    found = re.search(r"PROBE(\{.*\})EBORP", done.stdout, re.DOTALL)
    if found is None:
        sys.exit(f"{page}: the browser showed nothing; it said:\n{done.stderr[-2000:]}")
    complaints = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return json.loads(html.unescape(found.group(1))), complaints


def figures_with_content(page: Path) -> int:
    """Of the figures beside the page, those whose numbers are more than a note that there is nothing to draw."""
    headers = [path.read_text(encoding="utf-8").splitlines()[0] for path in page.parents[1].glob("figures/*.csv")]
    return sum(header != "note" for header in headers)


def main(chromium: str, place: str) -> None:
    page, colours = Path(place), []
    drawn = figures_with_content(page)
    assert drawn, f"no figure with numbers beside {page}"
    for dark in (False, True):
        seen, complaints = opened(chromium, page, dark)
        assert not complaints, complaints
        assert not seen["errors"], seen["errors"]
        for frame in seen["found"]:
            assert frame["values"] == [*CELLS.values()], frame["values"]
            assert frame["headings"] >= 5, frame
            assert frame["figures"] == drawn, (drawn, frame)
            assert not frame["broken"], frame
            assert not frame["lost"], frame
            assert frame["overflow"] <= 0, frame
        colours.append(seen["found"][0]["dark"])
    assert colours[0] != colours[1], f"light and dark look the same: {colours}"
    targets = set(re.findall(r'href="([^"#:]+)"', page.read_text()))
    lost = [target for target in targets if not (page.parent / unquote(html.unescape(target))).is_file()]
    assert targets, "the page links no data"
    assert not lost, lost
    print(f"passed: {page} in Chromium at {WIDTHS} px, light and dark: {drawn} figures, {len(targets)} files linked")


if __name__ == "__main__":
    main(*sys.argv[1:])
