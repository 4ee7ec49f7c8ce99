"""What the rules start from, each in a small file: a run's whole configuration, and what belongs to the scale.

In `<results>/<scale>/inputs` such a file is `<run>/<fingerprint>/<digest>.yaml` or `scale/<digest>.yaml`, named by the
digest of its text. A changed text is a file that is not there yet: the rule `input_file` makes it instead of the others
in its folder, and what starts from it is made again. Another configuration has another folder, so that a finished run
still has its own file when the wish for another one is taken back. Nothing is written while Snakemake reads its rules,
and nothing depends on what Snakemake remembers of earlier calls.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.records import RECORD, finished_record
from rtrl_bench.runs.settings import dump, fingerprint_of
from rtrl_bench.runs.yaml_files import load_yaml
from workflow.scripts.scales import Run, Scale

FOLDER = "inputs"
UTC = "finished_utc"  # in the records of runs, as text that sorts by time


class Inputs:
    """The input files of a scale. `name` is a run's folder within the scale's, or "scale"."""

    def __init__(self, scale: Scale):
        self._root = scale.folder
        self._runs = {scale.name_of(run): run for run in scale.runs}
        self.scale = summary(scale)
        self.missing = json.dumps([one._asdict() for one in scale.missing], indent=1)

    @property
    def names(self) -> list[str]:
        """Everything that has an input file."""
        return [*self._runs, "scale"]

    def finished(self, name: str) -> bool:
        """Whether `name` is a run with its whole result."""
        return name in self._runs and finished(self._runs[name])

    def needs(self, name: str, source: str) -> bool:
        """Whether `name` needs the record in the folder `source`; a finished run does without one that is gone.

        But for those of the scale, which can be made again.
        """
        ours = any(run.folder == Path(source) for run in self._runs.values())
        return ours or not self.finished(name) or finished_record(Path(source)) is not None

    def finished_after(self, name: str, source: str) -> bool:
        """Whether `name` is finished, and so was the run in the folder `source` before it, as their records have it."""
        folder = Path(source)
        before, after = finished_record(folder), finished_record(self._root / name)
        if before is None or after is None or not self.finished(name):
            return False
        again = any(run.folder == folder and not finished(run) for run in self._runs.values())
        return not again and before.get(UTC, "") <= after.get(UTC, "")

    def file(self, name: str) -> str:
        """The input file of `name`; of a finished run the one it was made from, whatever device and threads now are.

        A record that is in the way, being damaged or of another run, asks for a file that is not there yet either.
        """
        folder, wanted = self._folder(name), self._wanted(name)
        made = sorted(folder.glob("*.yaml"))
        if self.finished(name):
            run = self._runs[name]
            fitting = [
                path for path in (*made, run.folder / "config.yaml") if _fingerprint(path) == run.config.fingerprint()
            ]
            in_the_way = b""
        else:
            in_the_way = self._record(name)
            fitting = [path for path in made if not in_the_way and path.read_text(encoding="utf-8") == wanted]
        return (fitting[0] if fitting else folder / f"{_digest(wanted.encode() + in_the_way)}.yaml").as_posix()

    def text(self, folder: str, digest: str) -> str:
        """The text of the input file with this digest in a folder within that of all input files."""
        made = self._root / FOLDER / folder / f"{digest}.yaml"
        name = folder if folder in self.names else str(Path(folder).parent)
        return made.read_text(encoding="utf-8") if self.finished(name) and made.exists() else self._wanted(name)

    def _folder(self, name: str) -> Path:
        """Where the input file of `name` is: a run has a folder for each configuration."""
        folder = self._root / FOLDER / name
        return folder / self._runs[name].config.fingerprint() if name in self._runs else folder

    def _record(self, name: str) -> bytes:
        run = self._runs.get(name)
        path = None if run is None else run.folder / RECORD
        return path.read_bytes() if path is not None and path.exists() else b""

    def _wanted(self, name: str) -> str:
        if name == "scale":
            return json.dumps({"scale": _digest(self.scale.encode()), "missing": _digest(self.missing.encode())})
        return dump(self._runs[name].config)


def _fingerprint(path: Path) -> str | None:
    """That of the configuration in a file; None where there is none."""
    try:
        return fingerprint_of(load_yaml(path))
    except (ConfigError, AttributeError, TypeError):
        return None


def finished(run: Run) -> bool:
    """Whether the folder has the whole result of this configuration, made on whatever device and threads."""
    record = finished_record(run.folder)
    return (
        record is not None
        and record["fingerprint"] == run.config.fingerprint()
        and all((run.folder / name).exists() for name in run.outputs)
    )


def summary(scale: Scale) -> str:
    """The text of scale.json: which runs belong to the scale, as far as they can be made here or are finished."""
    asked = [run for runs in scale.studies.values() for run in runs]
    here = {run.folder for run in scale.runs}
    counts = here | {run.folder for run in asked if run.folder not in here and finished(run)}

    def listed(runs: Iterable[Run], lent: bool) -> list[str]:
        chosen = (run for run in runs if run.folder in counts and run.lent == lent)
        return list(dict.fromkeys(map(scale.name_of, chosen)))

    values = {
        "schema": 1,
        "scale": scale.name,
        "label": scale.label,
        "studies": {name: listed(runs, lent=False) for name, runs in scale.studies.items()},
        "lent": listed(asked, lent=True),
    }
    return json.dumps(values, indent=1)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
