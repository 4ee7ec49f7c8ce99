"""Where compiled kernels are kept."""

import pytest

from rtrl_bench.rooms import compiled


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    """A package of one source file in a folder of its own, and a user's cache beside it."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package/kernel.py").write_text("x = 1")
    monkeypatch.setattr(compiled, "HERE", tmp_path / "package")
    monkeypatch.setenv("RTRL_BENCH_CACHE", str(tmp_path / "cache"))
    compiled.cache_folder.cache_clear()
    yield tmp_path
    compiled.cache_folder.cache_clear()


def test_kernels_are_kept_beside_the_package(package):
    assert compiled.cache_folder().startswith(str(package / "package/__pycache__/kernels-"))


def test_another_source_has_another_folder(package):
    first = compiled.cache_folder()
    (package / "package/kernel.py").write_text("x = 2")
    compiled.cache_folder.cache_clear()
    assert compiled.cache_folder() != first


def test_a_package_that_cannot_be_written_uses_the_users_cache(package):
    (package / "package/__pycache__").write_text("")  # no folder can be made there
    assert compiled.cache_folder().startswith(str(package / "cache/kernels-"))


def test_with_nowhere_to_keep_them_kernels_are_compiled_and_a_warning_says_so(package, capsys):
    (package / "package/__pycache__").write_text("")
    (package / "cache").write_text("")
    assert compiled.cache_folder() is None
    assert "no writable folder for compiled kernels" in capsys.readouterr().err
    assert compiled.compiled(lambda x: x + 1)(2) == 3
