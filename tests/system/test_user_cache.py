"""The folder for what is kept from run to run, wherever the user has one."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from rtrl_bench.system.user_cache import user_cache


@pytest.fixture(autouse=True)
def nameless(monkeypatch):
    """The user of a container that was started under a number: no home in the environment, no entry in passwd."""

    def unknown(uid):
        raise KeyError(f"uid not found: {uid}")

    for name in ("HOME", "RTRL_BENCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_it_is_in_the_home_of_the_user(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert user_cache() == Path("/home/somebody/.cache/rtrl-bench")


def test_the_folder_for_caches_goes_before_the_home_and_an_own_folder_before_both(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert user_cache() == Path("/caches/rtrl-bench")
    monkeypatch.setenv("RTRL_BENCH_CACHE", "/own")
    assert user_cache() == Path("/own")


def test_a_user_without_a_home_has_none():
    assert user_cache() is None


@pytest.mark.parametrize(("name", "folder"), [("RTRL_BENCH_CACHE", "/named"), ("XDG_CACHE_HOME", "/named/rtrl-bench")])
def test_a_user_without_a_home_may_name_a_folder(monkeypatch, name, folder):
    monkeypatch.setenv(name, "/named")
    assert user_cache() == Path(folder)


def test_a_name_may_begin_with_the_home_or_be_relative(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("RTRL_BENCH_CACHE", "~/own")
    assert user_cache() == Path("/home/somebody/own")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RTRL_BENCH_CACHE", "own")
    assert user_cache() == tmp_path / "own"
