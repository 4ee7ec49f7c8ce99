"""What the page's interactive charts share: a kind's folder `charts/` has one a file, each with `build(results)`.

A chart is a Vega-Lite specification made by altair; the page holds the one copy of Vega that draws them all, so that
they work without a network. Colours are those of the figures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from analysis import kinds, methods
from analysis.load import Results

CONFIG: dict[str, Any] = {
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {"gridColor": "#8884", "domainColor": "#888", "tickColor": "#888"},
    **{"text": {"color": "currentColor"}, "title": {"color": "currentColor"}},
}
CONFIG["axis"] |= {"labelColor": "currentColor", "titleColor": "currentColor"}
CONFIG["legend"] = {"labelColor": "currentColor", "titleColor": "currentColor", "orient": "bottom", "columns": 3}


def built(results: Results) -> list[dict[str, Any]]:
    """Each chart's item and specification as JSON that may stand in a page, or why there is nothing to show."""
    charts: list[dict[str, Any]] = []
    for item in kinds.items("charts"):
        try:
            chart = item.module.build(results).properties(width="container", height=320)
            with alt.data_transformers.enable("default", max_rows=None):
                made = chart.to_dict() | {"config": CONFIG}
            text = json.dumps(made).replace("<", "\\u003c")  # or a record's text could end the page's script
            charts.append({"item": item, "spec": text, "nothing": ""})
        except kinds.NothingToShow as reason:
            charts.append({"item": item, "spec": "", "nothing": str(reason)})
    return charts


def library() -> str:
    """Vega, Vega-Lite and vegaEmbed as one script."""
    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return bundle.replace("</script", "<\\/script")


def colour(frame: pd.DataFrame, title: str = "method (click to single out)") -> alt.Color:
    """The methods of a frame with methods.COLUMNS and `method` in their own colours."""
    found = methods.methods(frame)
    scale = alt.Scale(domain=list(found), range=[method.colour for method in found.values()])
    return alt.Color("method:N", scale=scale, title=title)


def choice(name: str, label: str, choices: Mapping[Any, str]) -> alt.Parameter:
    """A menu above the chart: values and what is written for them; it begins with the first."""
    options, labels = list(choices), list(choices.values())
    return alt.param(name, bind=alt.binding_select(options=options, labels=labels, name=f"{label} "), value=options[0])
