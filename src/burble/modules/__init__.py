"""The built-in modules, and how modules are found by name."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from pydantic import ConfigDict

from burble.module import Module, ModuleSettings

__all__ = ["DEFAULT", "OPTIONAL", "UnknownModule", "available", "find", "selected", "settings_models"]

#: The modules a host loads unless its settings disable them.
DEFAULT: Final = (
    "session",
    "roster",
    "presence",
    "offline",
    "blocking",
    "privacy",
    "ping",
    "register",
    "private",
    "time",
    "vcard",
    "version",
    "disco",
    "caps",
    "last",
    "muc",
    "archive",
    "carbons",
    "stream_management",
    "csi",
    "sasl2",
    "flexible_offline",
    "push",
    "access",
    "adhoc",
    "announce",
)

#: Built-in modules that a host loads only where its settings say so.
OPTIONAL: Final = ("delegation", "presence_hooks", "privilege")

_GROUP: Final = "burble.modules"


class UnknownModule(LookupError):
    """There is no module of that name."""


def available() -> list[str]:
    """The names of all modules that can be loaded: built-in ones, and those of other packages."""
    return sorted({*DEFAULT, *OPTIONAL, *_entry_points()})


def find(name: str) -> type[Module]:
    """The class of a module.

    Args:
        name: of a built-in module, or of an entry point of the group ``burble.modules``.

    Raises:
        UnknownModule: there is none.
    """
    if name in (*DEFAULT, *OPTIONAL):
        return _only_module_of(name)
    entry = _entry_points().get(name)
    if entry is None:
        raise UnknownModule(f"there is no module {name!r}; there are {', '.join(available())}")
    found = entry.load()
    if not (isinstance(found, type) and issubclass(found, Module)):
        raise UnknownModule(f"{entry.value}, offered as module {name!r}, is not a subclass of burble.Module")
    return found


def settings_models() -> dict[str, type[ModuleSettings]]:
    """The model of the options of every module there is, by its name, for `burble.config.load`.

    A module of another package that can't be imported takes any options: only who loads it need know.
    """
    models: dict[str, type[ModuleSettings]] = {}
    for name in available():
        try:
            models[name] = find(name).Settings
        except Exception:
            models[name] = _AnyOptions
    return models


def selected(load: list[str], disable: list[str]) -> list[type[Module]]:
    """The modules to load, each after those it requires.

    A default module that can't do without a disabled one is left out with it, unless it is asked for.

    Args:
        load: names besides the default ones.
        disable: names to leave out.

    Raises:
        UnknownModule: one is not there, or required and disabled.
    """
    left_out = set(disable)
    optional = [name for name in DEFAULT if name not in load]
    while more := {
        name for name in optional if name not in left_out and not left_out.isdisjoint(find(name).requires)
    }:
        left_out |= more
    names = [name for name in dict.fromkeys([*DEFAULT, *load]) if name not in left_out]
    ordered: dict[str, type[Module]] = {}

    def add(name: str, wanted_by: str) -> None:
        if name not in names:
            raise UnknownModule(f"module {wanted_by!r} needs module {name!r}, which is not loaded")
        if name not in ordered:
            kind = find(name)
            for required in kind.requires:
                add(required, name)
            ordered[name] = kind

    for name in names:
        add(name, "")
    return list(ordered.values())


class _AnyOptions(ModuleSettings):
    model_config = ConfigDict(extra="allow")


def _only_module_of(name: str) -> type[Module]:
    home = import_module(f"burble.modules.{name}")
    kinds = [
        value
        for value in vars(home).values()
        if isinstance(value, type)
        and issubclass(value, Module)
        and value.name == name
        and value is not Module
    ]
    return kinds[0]


@cache
def _entry_points() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=_GROUP)}
