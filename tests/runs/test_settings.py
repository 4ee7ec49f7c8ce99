"""Settings are checked, written and told apart by one mechanism, whatever their kind."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import Field

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import KINDS
from rtrl_bench.runs.settings import (
    Count,
    Decay,
    Distinct,
    Options,
    Positive,
    Settings,
    Size,
    Threads,
    asked,
    build,
    dump,
    fingerprint_of,
    replace,
    to_dict,
)
from rtrl_bench.runs.yaml_files import load_yaml, parse_yaml

REFERENCE = Path(__file__).parents[2] / "results" / "reference"


class Inner(Settings):
    size: Size = 1
    rate: Positive | None = None


class Outer(Settings):
    name: str
    many: dict[str, Inner | None] = Field(default_factory=dict)
    inner: Inner = Field(default_factory=Inner)
    count: Count = 0
    decay: Decay = 0.5
    flag: bool = False
    threads: Threads = 0
    options: Options = Field(default_factory=dict)
    seeds: Distinct[Count] = Field(default=[0], min_length=1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cuont": 1}, "unknown key cuont: expected one of name, many, .*; did you mean count?"),
        ({"inner": {"sise": 1}}, r"unknown key inner\.sise: expected one of size, rate; did you mean inner\.size\?"),
        ({"many": {"a": {"sise": 1}}}, r"unknown key many\.a\.sise: .*did you mean many\.a\.size\?"),
        ({"inner": 3}, "inner = 3: expected keys and values"),
        ({"many": {"a": 3}}, r"many\.a = 3: expected keys and values or null"),
        ({"many": {"a": {"size": 0}}}, r"many\.a\.size = 0: expected an integer in \[1, 1048576\]"),
        ({"inner": {"rate": 0}}, r"inner\.rate = 0: expected a number > 0 or null"),
        ({"inner": {"rate": "fast"}}, r"inner\.rate = 'fast': expected a number > 0 or null"),
        ({"inner": {"rate": math.nan}}, r"inner\.rate = nan: expected a number > 0"),
        ({"inner": {"rate": 1e300}}, r"inner\.rate = 1e\+300: expected a number that float32 holds"),
        ({"inner": {"rate": 1e-300}}, r"inner\.rate = 1e-300: expected a number that float32 holds"),
        ({"count": True}, "count = True: expected an integer >= 0"),
        ({"count": 1.5}, r"count = 1\.5: expected an integer >= 0"),
        ({"count": "3"}, "count = '3': expected an integer >= 0"),
        ({"count": math.inf}, "count = inf: expected an integer >= 0"),
        ({"count": 1e300}, r"count = 1e\+300: expected an integer below 2\*\*53"),
        ({"decay": 1}, r"decay = 1: expected a number in \[0, 1\)"),
        ({"decay": False}, r"decay = False: expected a number in \[0, 1\)"),
        ({"decay": None}, r"decay = None: expected a number in \[0, 1\)"),
        ({"flag": 1}, "flag = 1: expected true or false"),
        ({"inner": {"size": 2**40}}, r"inner\.size = 1099511627776: expected an integer in \[1, 1048576\]"),
        ({"threads": 100_000}, r"threads = 100000: expected an integer in \[0, 1024\]"),
        ({"name": 3}, "name = 3: expected text"),
        ({"options": 3}, "options = 3: expected keys and values"),
        ({"options": {"a": math.inf}}, r"options = {'a': inf}: expected finite numbers"),
        ({"options": {1: 2}}, r"options = {1: 2}: expected finite numbers"),
        ({"seeds": []}, r"seeds = \[\]: expected a list of at least 1, all different, each an integer >= 0"),
        ({"seeds": [0, -1]}, r"seeds\[1\] = -1: expected an integer >= 0"),
        ({"seeds": [1, 1.0]}, r"seeds = \[1, 1\.0\]: expected values that differ from each other"),
        ({"name": None, "nam": "a"}, "unknown key nam"),
        ({"name": "x" * 500, "count": "x" * 500}, r"count = 'x{99}\.\.\.: expected an integer"),
    ],
)
def test_a_mistake_is_named_with_its_path_value_and_what_was_expected(values, message):
    for make in (lambda: build(Outer, {"name": "a", **values}), lambda: Outer(**{"name": "a", **values})):
        with pytest.raises(ConfigError, match=message) as caught:
            make()
        assert "\n" not in str(caught.value)


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match="missing key name: it has no default"):
        build(Outer, {})


def test_a_missing_key_is_explained_where_it_has_a_description():
    meaning = r"missing key task: it has no default\. Meaning: name of the task \(`python -m rtrl_bench list`\)$"
    with pytest.raises(ConfigError, match=meaning):
        build(KINDS["sequences"].settings, {})


def test_what_is_no_mapping_is_refused():
    with pytest.raises(ConfigError, match=r"the configuration = \[1\]: expected keys and values"):
        build(Outer, [1])


def test_whole_floats_and_numbers_of_numpy_are_taken():
    settings = Outer(name="a", count=1e6, decay=np.float32(0.5), inner={"size": np.int64(4), "rate": 3})
    assert settings == Outer(name="a", count=1_000_000, decay=0.5, inner=Inner(size=4, rate=3.0))
    kinds = [type(v) for v in (settings.count, settings.decay, settings.inner.size, settings.inner.rate)]
    assert kinds == [int, float, int, float]
    options = Outer(name="a", options={"a": np.int32(1), "b": [np.float64(2), {"c": (True, None)}]}).options
    assert json.dumps(options) == '{"a": 1, "b": [2.0, {"c": [true, null]}]}'


def test_settings_never_change_and_a_changed_copy_is_checked():
    settings = Outer(name="a")
    with pytest.raises(ValueError, match="frozen"):
        settings.count = 3
    assert replace(settings, count=3).count == 3
    with pytest.raises(ConfigError, match="count = -1"):
        replace(settings, count=-1)


def test_what_is_written_is_read_back():
    settings = Outer(name="1234567e8901", many={"010": None, "b": Inner(rate=1e-5)}, options={"a": "no"})
    assert build(Outer, parse_yaml(dump(settings))) == settings


def test_every_committed_run_keeps_its_fingerprint_and_its_configuration():
    files = sorted(REFERENCE.glob("**/run.json"))
    assert len(files) > 200
    written = set()
    for file in files:
        record = json.loads(file.read_text())
        if record["kind"] not in KINDS:  # a benchmark
            continue
        config = load_yaml(file.with_name("config.yaml"))
        settings = build(KINDS[record["kind"]].settings, record["config"])
        assert settings.fingerprint() == fingerprint_of(config) == record["fingerprint"]
        assert asked(to_dict(settings)) == asked(record["config"])
        but_for_seed = json.dumps(record["config"] | {"seed": None})
        if but_for_seed not in written:
            written.add(but_for_seed)
            assert asked(parse_yaml(dump(settings))) == asked(config)


def test_reading_settings_does_not_import_torch():
    code = (
        "import sys, rtrl_bench.experiments.reinforcement.config, rtrl_bench.experiments.sequences.config,"
        " rtrl_bench.experiments.costs.config, rtrl_bench.envs.registry as r; r.spec('breakout');"
        " print('torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
