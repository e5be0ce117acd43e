"""Results of commands in the shapes that ejabberd gives them over REST and XML-RPC.

ejabberd describes the result of each command in a notation of its own, which tells how it is sent:

    num_sessions::integer                           a number by that name
    res::rescode                                    0: it is done
    res::restuple                                   a sentence
    users::[username::string]                       a list
    presence::(jid::string, show::string)           a record

Programs written for ejabberd expect these shapes. A command without a description gives plain JSON.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, cast, runtime_checkable

from pydantic_core import to_jsonable_python

__all__ = ["Narrated", "Result", "as_rest", "as_xmlrpc", "fields_of", "plain", "read_result"]

Kind = Literal["string", "integer", "atom", "rescode", "restuple", "list", "tuple"]

_TOKEN: Final = re.compile(r"\s*(::|[\[\](),]|\w+)")
_SCALARS: Final = ("string", "integer", "atom", "rescode", "restuple")


@dataclass(frozen=True, slots=True)
class Result:
    """A part of a result as ejabberd describes it.

    Attributes:
        name: of the part.
        kind: what it is.
        parts: of a list its one kind of item, of a tuple its fields, in order.
    """

    name: str
    kind: Kind
    parts: tuple[Result, ...] = ()


@runtime_checkable
class Narrated(Protocol):
    """A result before which ejabberdctl prints something that is no part of it."""

    @property
    def narration(self) -> str:
        """It, with the end of its last line."""


def read_result(text: str) -> Result:
    """Read ejabberd's description of a result.

    Raises:
        ValueError: it is none.
    """
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise ValueError(f"not the description of a result: {text}")
    result, rest = _read(tokens)
    if rest:
        raise ValueError(f"the description of a result goes on behind its end: {text}")
    return result


def plain(value: Any) -> Any:
    """A result as JSON has it: dataclasses become objects, times text."""
    return to_jsonable_python(value)


def as_rest(described: Result | None, value: Any) -> Any:
    """A result as ejabberd's REST interface (mod_http_api) sends it, in values of JSON."""
    value = plain(value)
    if described is None:
        return 0 if value is None else value
    if described.kind in ("rescode", "restuple", "list", "tuple"):
        return _rest(described, value)
    return {described.name: _rest(described, value)}


def as_xmlrpc(described: Result | None, value: Any) -> Any:
    """A result as ejabberd_xmlrpc sends it: each part in a struct of its own, under its name."""
    value = plain(value)
    if described is None:
        return 0 if value is None else _without_none(value)
    return _struct(described, value)


def _rest(described: Result, value: Any) -> Any:
    if described.kind == "list":
        (item,) = described.parts
        return [_rest(item, each) for each in value]
    if described.kind == "tuple":
        fields = fields_of(described, value)
        return {part.name: _rest(part, each) for part, each in zip(described.parts, fields, strict=True)}
    return _scalar(described, value)


def _struct(described: Result, value: Any) -> dict[str, Any]:
    if described.kind == "list":
        (item,) = described.parts
        return {described.name: [_struct(item, each) for each in value]}
    if described.kind == "tuple":
        fields = fields_of(described, value)
        parts = [_struct(part, each) for part, each in zip(described.parts, fields, strict=True)]
        return {described.name: parts}
    if described.kind == "restuple":
        return {described.name: 0, "text": _scalar(described, value)}
    return {described.name: _scalar(described, value)}


def fields_of(described: Result, value: Any) -> list[Any]:
    """The fields of a tuple, in order, whether it is an object or a list.

    A word that Python keeps to itself has a ``_`` behind it in the object.
    """
    if isinstance(value, dict):
        names = (part.name if part.name in value else f"{part.name}_" for part in described.parts)
        return [value[name] for name in names]
    return list(value)


def _scalar(described: Result, value: Any) -> str | int:
    if described.kind == "rescode":
        return 1 if value is False else 0
    if described.kind == "integer":
        return int(value)
    return "" if value is None else str(value)


def _without_none(value: Any) -> Any:
    """XML-RPC has no null; what is missing is an empty text there, as in ejabberd."""
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_none(each) for each in value]
    return "" if value is None else value


def _read(tokens: list[str]) -> tuple[Result, list[str]]:
    match tokens:
        case [name, "::", "[", *rest]:
            item, rest = _read(rest)
            if rest[:1] != ["]"]:
                raise ValueError(f"the list {name} does not end")
            return Result(name, "list", (item,)), rest[1:]
        case [name, "::", "(", *rest]:
            parts = []
            rest = [",", *rest]
            while rest[:1] == [","]:
                part, rest = _read(rest[1:])
                parts.append(part)
            if rest[:1] != [")"]:
                raise ValueError(f"the tuple {name} does not end")
            return Result(name, "tuple", tuple(parts)), rest[1:]
        case [name, "::", kind, *rest] if kind in _SCALARS:
            return Result(name, cast(Kind, kind)), rest
    raise ValueError(f"not the description of a result: {' '.join(tokens)}")
