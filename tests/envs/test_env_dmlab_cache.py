"""The level cache on disk: shared by processes and runs, and never the end of a simulator."""

from __future__ import annotations

import os
import pwd
import threading
import time
from pathlib import Path

import pytest

from rtrl_bench.envs import dmlab_cache
from rtrl_bench.envs.dmlab_cache import LevelCache, cache_folder
from rtrl_bench.envs.registry import make

KEY = "../keys doors/\N{SNOWMAN}:" + 300 * "x"  # no file name


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "cache").mkdir()
    return LevelCache(tmp_path / "cache")


def _map(tmp_path, content=b"map"):
    path = tmp_path / "lent.pk3"
    path.write_bytes(content)
    return str(path)


def test_a_map_that_was_written_is_fetched_from_another_cache_of_the_same_folder(cache, tmp_path):
    cache.write(KEY, _map(tmp_path))
    os.unlink(tmp_path / "lent.pk3")  # the path is the simulator's: it is used again
    assert LevelCache(tmp_path / "cache").fetch(KEY, str(tmp_path / "got.pk3")) is True
    assert (tmp_path / "got.pk3").read_bytes() == b"map"


def test_a_map_that_is_not_there_is_a_miss_without_a_file(cache, tmp_path, capsys):
    cache.write(KEY, _map(tmp_path))
    assert cache.fetch("another", str(tmp_path / "got.pk3")) is False
    assert not (tmp_path / "got.pk3").exists()
    assert capsys.readouterr().err == ""


def test_keys_become_file_names_inside_the_folder(cache, tmp_path):
    for key in (KEY, "a", "A"):
        cache.write(key, _map(tmp_path))
    assert len(list((tmp_path / "cache").iterdir())) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "lent.pk3"]


def test_an_interrupted_copy_is_no_map_and_leaves_nothing(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", lambda *_: 1 / 0)
    cache.write(KEY, _map(tmp_path))
    assert list((tmp_path / "cache").iterdir()) == []
    assert not cache.fetch(KEY, str(tmp_path / "got.pk3"))


def test_a_reader_sees_a_whole_map_while_others_write_it(cache, tmp_path):
    contents = [bytes([k]) * 1_000_000 for k in range(2)]
    sources = [tmp_path / f"source{k}" for k in range(2)]
    for source, content in zip(sources, contents):
        source.write_bytes(content)
    cache.write(KEY, str(sources[0]))
    writers = [threading.Thread(target=lambda s=s: [cache.write(KEY, str(s)) for _ in range(10)]) for s in sources]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert cache.fetch(KEY, str(tmp_path / "got.pk3"))
        assert (tmp_path / "got.pk3").read_bytes() in contents
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_writers_of_different_maps_do_not_disturb_each_other(tmp_path, capsys):
    sources = [tmp_path / f"source{k}" for k in range(4)]
    for source in sources:
        source.write_bytes(source.name.encode())
    writers = [
        threading.Thread(target=lambda s=s: [LevelCache(tmp_path).write(f"{s.name}/{k}", str(s)) for k in range(50)])
        for s in sources
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for source in sources:
        for k in range(50):
            assert LevelCache(tmp_path).fetch(f"{source.name}/{k}", str(tmp_path / "got"))
            assert (tmp_path / "got").read_bytes() == source.read_bytes()
    assert capsys.readouterr().err == ""


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("RTRL_BENCH_CACHE", str(tmp_path))
    folder = cache_folder()
    for name, hours in (("left.part", 1.1), ("under way.part", 0.9), ("map.pk3", 9)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - 3600 * hours,) * 2)
    cache_folder()
    assert sorted(path.name for path in folder.iterdir()) == ["map.pk3", "under way.part"]


def test_a_copy_under_way_is_known_by_its_name(cache, tmp_path, monkeypatch):
    asides = []
    monkeypatch.setattr(os, "replace", lambda aside, _: asides.append(Path(aside)))
    cache.write(KEY, _map(tmp_path))
    assert [aside.suffix for aside in asides] == [".part"]


def test_failures_are_misses_that_are_told_once(cache, tmp_path, capsys):
    missing = tmp_path / "nowhere" / "got.pk3"
    cache.write(KEY, _map(tmp_path))
    cache._path(KEY).unlink()
    cache._path(KEY).mkdir()  # a folder cannot be copied as a file
    assert cache.fetch(KEY, str(tmp_path / "got.pk3")) is False
    cache.write(KEY, str(missing))
    assert cache.fetch(None, str(missing)) is False
    assert capsys.readouterr().err.count("level cache") == 1


def test_an_incomplete_copy_is_not_left_to_the_simulator(cache, tmp_path, monkeypatch, capsys):
    def half(source, target):
        Path(target).write_bytes(b"m")
        raise OSError("no space left on device")

    cache.write(KEY, _map(tmp_path))
    monkeypatch.setattr(dmlab_cache.shutil, "copyfile", half)
    assert not cache.fetch(KEY, str(tmp_path / "got.pk3"))
    assert not (tmp_path / "got.pk3").exists()
    assert "no space left" in capsys.readouterr().err


def test_a_full_cache_keeps_what_it_has(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(dmlab_cache, "LIMIT_BYTES", 5)
    cache.write("first", _map(tmp_path))
    cache.write("second", _map(tmp_path))
    assert cache.fetch("first", str(tmp_path / "got.pk3"))
    assert not cache.fetch("second", str(tmp_path / "got.pk3"))


def test_the_folder_is_made_in_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RTRL_BENCH_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own/dmlab"
    assert (tmp_path / "own/dmlab").is_dir()


def _maps_compiled(stand_in):
    return sum(len(slot) for slot in stand_in("compile"))


def _play():
    env = make("rooms_keys_doors_puzzle", 1, seed=3, backend="deepmind_lab")
    env.reset()
    env.close()


def test_a_second_run_compiles_no_map_again(stand_in):
    _play()
    assert _maps_compiled(stand_in) == 2  # one is thrown away
    _play()
    assert _maps_compiled(stand_in) == 2


def test_a_folder_that_cannot_be_written_is_warned_of_once_and_every_map_compiled(stand_in, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RTRL_BENCH_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match=r"level cache .*file/dmlab cannot be used .*set RTRL_BENCH_CACHE") as warned:
        _play()
    assert len(warned) == 1
    assert _maps_compiled(stand_in) == 2


def test_a_user_without_a_home_is_warned_and_every_map_compiled(stand_in, monkeypatch):
    def unknown(uid):
        raise KeyError(f"uid not found: {uid}")

    for name in ("HOME", "RTRL_BENCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.warns(UserWarning, match="level cache .* cannot be used .*no home folder.*set RTRL_BENCH_CACHE"):
        _play()
    assert _maps_compiled(stand_in) == 2


def test_a_cache_that_breaks_while_in_use_ends_no_simulator(stand_in, tmp_path):
    env = make("rooms_keys_doors_puzzle", 1, seed=3, backend="deepmind_lab")
    folder = tmp_path / "cache" / "dmlab"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.touch()
    env.reset()
    env.close()
    assert _maps_compiled(stand_in) == 2
