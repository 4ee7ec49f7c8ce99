"""A name → thing table filled by the files of a package, so that adding one is adding a file."""

from __future__ import annotations

import functools
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from rtrl_bench.errors import UnknownName, one_of

T = TypeVar("T")


@functools.cache
def files(package: str) -> set[str]:
    """The names of a package's files, which register things under these names; none of them is imported."""
    found = importlib.util.find_spec(package)
    places = found.submodule_search_locations if found else None
    return {module.name for module in pkgutil.iter_modules(places) if not module.ispkg} if places else set()


class Registry(Generic[T]):
    """Things of one kind, each registered by its own module inside `package` (imported on first use)."""

    def __init__(self, kind: str, package: str):
        self.kind, self.package = kind, package
        self._things: dict[str, T] = {}
        self._loaded = self._loading = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: make the decorated thing available as `name`."""

        def add(thing: T) -> T:
            if name in self._things:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._things[name] = thing
            return thing

        return add

    def _load(self) -> None:
        if self._loaded or self._loading:  # a module that looks something up while being loaded sees what is there
            return
        self._loading = True
        try:
            for module in pkgutil.iter_modules(importlib.import_module(self.package).__path__):
                importlib.import_module(f"{self.package}.{module.name}")
            self._loaded = True  # only now: after an import that failed, the next lookup shall say so too
        finally:
            self._loading = False

    def __getitem__(self, name: str) -> T:
        self._load()
        if name not in self._things:
            raise UnknownName(f"unknown {self.kind} {name!r}: {one_of(name, self)}")
        return self._things[name]

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self._things))

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._things
