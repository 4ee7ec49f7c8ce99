"""What is made from the classes of the settings: `python -m workflow.scripts.schema_files` writes it.

JSON schemas in workflow/schemas, with which an editor checks and completes config.yaml and scales, and the tables of
keys in workflow/config/README.md. A test holds that they are what is written there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rtrl_bench.experiments.costs.config import MethodConfig, SweepConfig
from rtrl_bench.experiments.reinforcement.config import PretrainedConfig, RunConfig
from rtrl_bench.experiments.sequences.config import CopyConfig
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.runs.refusals import describe
from rtrl_bench.runs.settings import Settings
from workflow.scripts.schema import CopyTask, Costs, Pretrain, ScaleSettings, Study, WorkflowSettings

WORKFLOW = Path(__file__).resolve().parents[1]
README = WORKFLOW / "config" / "README.md"
TABLES: dict[str, type[Settings]] = {
    kind.__name__: kind
    for kind in (
        WorkflowSettings,
        ScaleSettings,
        RunConfig,
        PretrainedConfig,
        Study,
        Pretrain,
        StemConfig,
        CopyTask,
        CopyConfig,
        Costs,
        SweepConfig,
        MethodConfig,
    )
}
_PLACE = re.compile(r"(<!-- keys of (\w+) -->\n).*?(<!-- end of keys -->)", re.DOTALL)


def made() -> dict[Path, str]:
    """The files that are made from the settings, with their texts."""
    kinds: dict[str, type[Settings]] = {"config": WorkflowSettings, "scale": ScaleSettings}
    schemas = {
        WORKFLOW / "schemas" / f"{name}.schema.json": json.dumps(json_schema(kind), indent=1, ensure_ascii=False) + "\n"
        for name, kind in kinds.items()
    }
    readme = README.read_text(encoding="utf-8")
    return schemas | {README: _PLACE.sub(lambda place: place[1] + table(TABLES[place[2]]) + place[3], readme)}


def json_schema(kind: type[Settings]) -> dict[str, Any]:
    """The JSON schema of config.yaml or a scale, with every key of a run where keys of runs may stand."""
    schema = kind.model_json_schema()
    shared = schema.setdefault("$defs", {})
    for keys in (RunConfig, StemConfig, CopyConfig):
        own = keys.model_json_schema()
        own.pop("required")
        shared |= own.pop("$defs", {}) | {keys.__name__: own}
    linked: dict[str, Any] = _linked(schema)
    return linked


def _linked(part: Any) -> Any:
    """The part of a schema with references for `keysOf`."""
    if isinstance(part, list):
        return [_linked(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    if "keysOf" in part:
        rest = {key: value for key, value in part.items() if key not in ("keysOf", "type")}
        return {"$ref": f"#/$defs/{part['keysOf']}", **rest}
    return {key: _linked(inner) for key, inner in part.items()}


def table(kind: type[Settings]) -> str:
    """The keys of settings as a table in Markdown, those of settings inside of them with a dot."""
    schema = kind.model_json_schema()
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(schema, schema, "")]
    return "\n".join(lines) + "\n"


def _rows(root: dict[str, Any], schema: dict[str, Any], above: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in schema["properties"].items():
        inner = root["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else None
        if inner is not None:
            yield from _rows(root, inner, f"{above}{name}.")
            continue
        default = json.dumps(field["default"], ensure_ascii=False) if "default" in field else ""
        yield f"`{above}{name}`", describe(root, field), default, field["description"]


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
