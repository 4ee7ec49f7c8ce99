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

from rtrl_bench.experiments import KINDS
from rtrl_bench.runs.refusals import describe
from rtrl_bench.runs.settings import Settings
from workflow.scripts.schema import ScaleSettings, WorkflowSettings

WORKFLOW = Path(__file__).resolve().parents[1]
README = WORKFLOW / "config" / "README.md"
_PLACE = re.compile(r"(<!-- keys of (\w+) -->\n).*?(<!-- end of keys -->)", re.DOTALL)


def made() -> dict[Path, str]:
    """The files that are made from the settings, with their texts."""
    kinds: dict[str, type[Settings]] = {"config": WorkflowSettings, "scale": ScaleSettings}
    schemas = {
        WORKFLOW / "schemas" / f"{name}.schema.json": json.dumps(json_schema(kind), indent=1, ensure_ascii=False) + "\n"
        for name, kind in kinds.items()
    }
    readme, classes = README.read_text(encoding="utf-8"), {kind.__name__: kind for kind in _classes(Settings)}
    return schemas | {README: _PLACE.sub(lambda place: place[1] + table(classes[place[2]]) + place[3], readme)}


def _classes(base: type[Settings]) -> Iterator[type[Settings]]:
    """Every class of settings that is made of `base`."""
    for kind in base.__subclasses__():
        yield kind
        yield from _classes(kind)


def json_schema(kind: type[Settings]) -> dict[str, Any]:
    """The JSON schema of config.yaml or a scale, with every key of a run where keys of runs may stand."""
    schema = kind.model_json_schema()
    shared = schema.setdefault("$defs", {})
    kinds = [KINDS[name] for name in KINDS]
    for keys in (kind.settings for kind in kinds):
        own = keys.model_json_schema()
        own.pop("required", None)
        shared |= own.pop("$defs", {}) | {keys.__name__: own}
    for study in {kind.study.__name__: kind.study for kind in kinds}.values():
        own = study.model_json_schema()
        shared |= own.pop("$defs", {}) | {study.__name__: own}
    linked: dict[str, Any] = _linked(schema)
    rest = {key: value for key, value in linked.items() if key != "$defs"}
    used = _named(rest, linked["$defs"], set())
    return {"$defs": {name: part for name, part in linked["$defs"].items() if name in used}, **rest}


def _named(part: Any, defined: dict[str, Any], found: set[str]) -> set[str]:
    """The definitions that a part of a schema refers to, and those that these refer to."""
    for name in re.findall(r"#/\$defs/(\w+)", json.dumps(part)):
        if name not in found:
            found.add(name)
            _named(defined[name], defined, found)
    return found


def _linked(part: Any) -> Any:
    """The part of a schema with references for `keysOf` and for the studies of every kind."""
    if isinstance(part, list):
        return [_linked(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    if part.get("studies") == "of every kind":
        return {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in {KINDS[kind].study.__name__: 0 for kind in KINDS}]}
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
