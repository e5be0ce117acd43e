"""New code in old objects: a changed Python file takes effect while everything that was made from it stays.

The file is run anew in the namespace of its Python module. Then the functions that were there before get the
new code, and the classes the new functions, so that whoever holds them, an instance, a registered handler,
another module that imported them, runs the new code from its next call on. What can't change like this is
refused, and leaves everything as it was: a class whose instances would have to look different, such as one
with other slots or fields.
"""

from __future__ import annotations

import enum
from abc import ABCMeta
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

from burble.module import CommandFailed

__all__ = ["renew"]

# Made by Python or by dataclasses, for each class by itself.
_GENERATED: Final = frozenset(
    {
        "__init__",
        "__repr__",
        "__eq__",
        "__hash__",
        "__setattr__",
        "__delattr__",
        "__getstate__",
        "__setstate__",
        "__replace__",
    }
)
_CELL: Final = "__class__"


def renew(module: ModuleType) -> None:
    """Run the file of a module anew, and let what is there use the new code.

    Args:
        module: made from a file of Python source.

    Raises:
        CommandFailed: it can't be run, or needs a restart of the server; everything is as it was.
    """
    path = Path(str(module.__file__))
    space = vars(module)
    before = dict(space)
    try:
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), space)
        pairs = [(before[name], new) for name, new in space.items() if _is_own(module, before.get(name), new)]
        for old, new in pairs:
            if isinstance(old, type):
                _check(old, new)
    except BaseException as error:
        space.clear()
        space.update(before)
        if not isinstance(error, Exception):
            raise
        text = str(error) if isinstance(error, CommandFailed) else f"{type(error).__name__}: {error}"
        raise CommandFailed(f"{module.__name__} stays as it is: {text}") from error
    for old, new in pairs:
        if isinstance(old, type):
            _renew_class(old, new)
            space[old.__name__] = old
        elif _renew_function(old, new):
            space[new.__name__] = old


def _is_own(module: ModuleType, old: Any, new: Any) -> bool:
    """Whether both are a class, or both a function, that the module defines by its name."""
    if old is new or type(old) is not type(new) or not isinstance(new, type | FunctionType):
        return False
    return bool(old.__module__ == new.__module__ == module.__name__ and old.__name__ == new.__name__)


def _check(old: type, new: type) -> None:
    if _shape(old) != _shape(new):
        raise CommandFailed(f"the class {new.__qualname__} has another shape; restart the server")
    for inner, its_inner in _inner(old, new):
        _check(inner, its_inner)


def _inner(old: type, new: type) -> list[tuple[type, type]]:
    """The classes in a class, such as the settings of a module, with those in another."""
    return [
        (was, value)
        for name, value in vars(new).items()
        if isinstance(was := vars(old).get(name), type)
        and isinstance(value, type)
        and was.__qualname__ == value.__qualname__ == f"{new.__qualname__}.{name}"
    ]


def _shape(kind: type) -> tuple[Any, ...]:
    """What the instances of a class look like."""
    own = vars(kind)
    shape: tuple[Any, ...] = (
        [(base.__module__, base.__qualname__) for base in kind.__bases__],
        sorted(own.get("__slots__", ())),
    )
    if issubclass(kind, enum.Enum):
        return *shape, [(each.name, repr(each.value)) for each in kind]
    if issubclass(kind, tuple) or is_dataclass(kind) or type(kind) not in (type, ABCMeta):
        fields = getattr(kind, "model_fields", None) or getattr(kind, "_field_defaults", None)
        return *shape, repr(own.get("__annotations__")), repr(fields)
    return shape


def _renew_class(old: type, new: type) -> None:
    plain = type(old) in (type, ABCMeta) and not issubclass(old, tuple)
    skipped = _GENERATED if is_dataclass(old) else frozenset[str]()
    was, now = vars(old), vars(new)
    inner = _inner(old, new)
    for mine, its in inner:
        _renew_class(mine, its)
    kept = {its for _, its in inner}
    for name, value in list(now.items()):
        if name in skipped:
            continue
        functions = list(_functions(value))
        if not functions:
            if (
                plain
                and not (isinstance(value, type) and value in kept)
                and not _is_pythons(name, value)
                and was.get(name) is not value
            ):
                setattr(old, name, value)
            continue
        olds = list(_functions(was.get(name)))
        if type(was.get(name)) is type(value) and len(olds) == len(functions):
            pairs = zip(olds, functions, strict=True)
            if all(_renew_function(mine, its) for mine, its in pairs):
                continue
        for function in functions:
            _give_cell(function, old)
        setattr(old, name, value)
    for name in [name for name in was if name not in now and list(_functions(was[name]))]:
        delattr(old, name)


def _is_pythons(name: str, value: Any) -> bool:
    """Whether an attribute of a class belongs to that one class object."""
    return (name.startswith("__") and name.endswith("__") and name not in ("__doc__", "__annotations__")) or (
        type(value).__name__ in ("member_descriptor", "getset_descriptor", "_abc_data")
    )


def _functions(value: Any) -> Iterator[FunctionType]:
    """The functions in what stands in a class: itself, or those of a property and the like."""
    match value:
        case FunctionType():
            yield value
        case classmethod() | staticmethod():
            yield from _functions(value.__func__)
        case property():
            for each in (value.fget, value.fset, value.fdel):
                yield from _functions(each)
        case _:
            # functools.cached_property, and what other decorators keep it as.
            yield from _functions(getattr(value, "func", None)) if hasattr(value, "attrname") else ()


def _renew_function(old: FunctionType, new: FunctionType) -> bool:
    """Give a function the code of another; False where it can't take it."""
    inner: Callable[..., Any] | None = getattr(old, "__wrapped__", None)
    its_inner = getattr(new, "__wrapped__", None)
    if isinstance(inner, FunctionType) and isinstance(its_inner, FunctionType):
        return _renew_function(inner, its_inner)
    free = new.__code__.co_freevars
    if old.__code__.co_freevars != free or any(name != _CELL for name in free):
        return False
    old.__code__ = new.__code__
    old.__defaults__ = new.__defaults__
    old.__kwdefaults__ = new.__kwdefaults__
    old.__doc__ = new.__doc__
    old.__annotations__ = new.__annotations__
    old.__dict__.clear()
    old.__dict__.update(new.__dict__)
    return True


def _give_cell(function: FunctionType, owner: type) -> None:
    """Let ``super()`` in a new method mean the old class, which it is a method of from now on."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name == _CELL:
            cell.cell_contents = owner
