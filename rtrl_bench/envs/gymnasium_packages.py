"""Where a Gymnasium id comes from: the package that registers it, found, or named so that it can be got."""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.metadata
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
from gymnasium.envs.registration import EnvSpec

from rtrl_bench.errors import UnknownName, did_you_mean
from rtrl_bench.system.foreign import in_words, is_stop


class Package(NamedTuple):
    """A Python module that registers ids when it is imported, and what pip calls it."""

    module: str
    distribution: str


# Gymnasium 1 loads no package by itself, and an id does not name its own; of these, people often leave it out.
_MEMORY_GYM = Package("memory_gym", "memory-gym")
PACKAGES = {
    "ALE/": Package("ale_py", "ale-py"),
    "BabyAI-": Package("minigrid", "minigrid"),
    "MiniGrid-": Package("minigrid", "minigrid"),
    "MinAtar/": Package("minatar.gym", "MinAtar"),
    "popgym-": Package("popgym", "popgym"),
    **dict.fromkeys(("Endless-", "MortarMayhem-", "MysteryPath-", "SearingSpotlights-"), _MEMORY_GYM),
}
HOOKS = "gymnasium.envs"  # the entry points with which packages offer to register their ids


class NotImportable(RuntimeError):
    """The module that is to register an id cannot be imported; `fix` says how to change that."""

    def __init__(self, module: str, error: BaseException, fix: str):
        super().__init__(f"Python module {module} cannot be imported: {in_words(error)}")
        self.fix = fix


def find(target: str) -> EnvSpec:
    """What Gymnasium knows of `<id>` or `<module>:<id>`, after importing what registers it.

    Raises UnknownName for a name that is wrong, NotImportable for a package that is missing or broken.
    """
    module, _, identifier = target.rpartition(":")
    if module and not all(part.isidentifier() for part in module.split(".")):
        hint = _module_meant(module, identifier)
        raise UnknownName(
            f"unknown environment 'gymnasium:{target}': expected {module!r} to be the name of a Python module{hint}"
        )
    known = next((package for start, package in PACKAGES.items() if identifier.startswith(start)), None)
    if not module and known and identifier not in gymnasium.registry:
        module = known.module
    if module:
        _import(module, identifier, known)
    if identifier not in gymnasium.registry:
        _call_hooks(module, identifier)
    try:
        return gymnasium.spec(identifier)
    except gymnasium.error.Error as error:
        hint = did_you_mean(identifier, gymnasium.registry, f"gymnasium:{module}:" if module else "gymnasium:")
        where = (
            f"importing {module} registers no such id" if module else "gymnasium:<module>:<id> imports a module first"
        )
        raise UnknownName(
            f"unknown environment 'gymnasium:{target}': expected an id of gymnasium.envs.registration.registry "
            f"(gymnasium.pprint_registry() shows them); {where}{hint}"
        ) from error


def _import(module: str, identifier: str, known: Package | None) -> None:
    try:
        importlib.import_module(module)
    except BaseException as error:  # a module may raise anything
        if is_stop(error):
            raise
        root = module.partition(".")[0]
        absent = isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == root
        fix = "mend what it names"
        if absent and known:
            right = "" if known.module == module else f", and name it gymnasium:{known.module}:{identifier}"
            fix = f"install its package: pip install {known.distribution}{right}"
        elif absent:
            fix = (
                "install the package that has it, put its file into the current folder or on PYTHONPATH, or correct "
                f"the name{_module_meant(module, identifier)}"
            )
        raise NotImportable(module, error, fix) from error


def _module_meant(module: str, identifier: str) -> str:
    """The end of a message that suggests an installed module, told by its own name or by its package's."""
    names = {name.lower(): top for top, packages in _installed().items() for name in (*packages, top)}
    close = difflib.get_close_matches(module.lower(), names, n=1)
    return f"; did you mean gymnasium:{names[close[0]]}:{identifier}?" if close else ""


def _call_hooks(module: str, identifier: str) -> None:
    """Let those packages register that offer it by an entry point, for this namespace or for the module's package."""
    name, slash, _ = identifier.partition("/")
    for hook in importlib.metadata.entry_points(group=HOOKS):
        if (slash and hook.name == name) or (module and _root(hook.module) == _root(module)):
            try:
                hook.load()()
            except BaseException as error:  # as above
                if is_stop(error):
                    raise
                raise NotImportable(hook.module, error, "mend what it names") from error


def distributions(target: str, found: EnvSpec) -> tuple[str, ...]:
    """The installed packages that an id's constructor and the module of `target` come from, beside Gymnasium.

    A module that belongs to no package stands for itself.
    """
    entry: Any = found.entry_point
    while isinstance(entry, functools.partial):
        entry = entry.func
    constructor = entry if isinstance(entry, str) else getattr(entry, "__module__", "")
    roots = {_root(constructor), _root(target.rpartition(":")[0])} - {"", "__main__"}
    return tuple(
        sorted({name for root in roots for name in _installed().get(root, [root])} - {"gymnasium", "rtrl-bench"})
    )


@functools.cache
def _installed() -> Mapping[str, list[str]]:
    """The names of the installed packages by the top-level modules that they have."""
    return importlib.metadata.packages_distributions()


def _root(module: str) -> str:
    return module.partition(":")[0].partition(".")[0]
