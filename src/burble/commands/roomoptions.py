"""The configuration of rooms by the names that ejabberd has for it, written as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, get_origin

from pydantic import BeforeValidator, ValidationError

from burble.jid import JID, JIDError
from burble.module import CommandFailed
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.ranks import Affiliation

__all__ = ["AFFILIATIONS", "RoomOption", "RoomOptions", "affiliations_of", "changed", "options_of"]

# ejabberd's names, where they are others than those of our settings.
_NAMES: Final = {
    "title": "name",
    "allow_change_subj": "change_subject",
    "allow_user_invites": "allow_invites",
    "allowpm": "allow_pm",
    "mam": "archiving",
}
_OURS: Final = MappingProxyType({ours: theirs for theirs, ours in _NAMES.items()})
# What ejabberd has another way round, or we do not keep by itself.
_ANONYMOUS: Final = "anonymous"
_PROTECTED: Final = "password_protected"
_LEFT_OUT: Final = frozenset({"whois", "hats"})
_SEPARATORS: Final = re.compile(r"[;,]")
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}

AFFILIATIONS: Final = "affiliations"
"""The option that is no configuration: who has which affiliation from the beginning."""


@dataclass(frozen=True, slots=True)
class RoomOption:
    """An option of a room: its name, and its value as text."""

    name: str
    value: str


def _option(given: object) -> object:
    """An option that was given as ``name:value``, or as a list of both."""
    if isinstance(given, str):
        name, colon, value = given.partition(":")
        return {"name": name.strip(), "value": value} if colon else given
    if isinstance(given, list) and len(given) == 2:
        return {"name": given[0], "value": given[1]}
    return given


RoomOptions = list[Annotated[RoomOption, BeforeValidator(_option)]]
"""Options of a room: objects with ``name`` and ``value``, or ``name:value`` each."""


def options_of(config: RoomConfig) -> list[RoomOption]:
    """The configuration of a room as options, by name."""
    values = config.model_dump(mode="json")
    options = {_OURS.get(name, name): _text(value) for name, value in values.items() if name not in _LEFT_OUT}
    options[_ANONYMOUS] = _text(config.whois == "moderators")
    options[_PROTECTED] = _text(bool(config.password))
    return [RoomOption(name, options[name]) for name in sorted(options)]


def changed(config: RoomConfig, options: Iterable[RoomOption]) -> RoomConfig:
    """A configuration with options laid over it.

    Raises:
        CommandFailed: there is no such option, or its value won't do.
    """
    values: dict[str, Any] = {name: getattr(config, name) for name in RoomConfig.model_fields}
    protected = None
    for option in options:
        if option.name == _ANONYMOUS:
            values["whois"] = "moderators" if _boolean(option) else "anyone"
        elif option.name == _PROTECTED:
            protected = _boolean(option)
        else:
            values |= _value(option)
    if protected is False:
        values["password"] = ""
    elif protected and not values["password"]:
        raise CommandFailed(f"{_PROTECTED}: the room needs a password; set the option password")
    try:
        return RoomConfig.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        raise CommandFailed(f"{_OURS.get(name, name)}: {problem['msg']}") from None


def affiliations_of(text: str) -> Mapping[JID, Affiliation]:
    """Affiliations that were written as ``owner:juliet@localhost,member:romeo@localhost``.

    Raises:
        CommandFailed: they were not.
        StanzaError: there is no such affiliation.
    """
    found = {}
    for part in _parts(text):
        kind, _, address = part.replace("=", ":", 1).partition(":")
        try:
            found[JID.parse(address).bare] = Affiliation.parse(kind)
        except JIDError as error:
            raise CommandFailed(f"{AFFILIATIONS}: {error}") from None
    return found


def _value(option: RoomOption) -> dict[str, Any]:
    name = _NAMES.get(option.name, option.name)
    field = RoomConfig.model_fields.get(name)
    if field is None or name in _LEFT_OUT:
        known = ", ".join(each.name for each in options_of(RoomConfig()))
        raise CommandFailed(f"there is no option {option.name[:60]!r} of rooms; there are {known}")
    kind = field.annotation
    if kind is bool:
        return {name: _boolean(option)}
    if kind is int:
        if not (option.value.isascii() and option.value.isdigit() and len(option.value) < 10):
            raise CommandFailed(f"{option.name}: expected a whole number; got {option.value[:60]!r}")
        return {name: int(option.value)}
    if get_origin(kind) is frozenset:
        return {name: frozenset(_parts(option.value))}
    if get_origin(kind) is list:
        try:
            return {name: [JID.parse(part) for part in _parts(option.value)]}
        except JIDError as error:
            raise CommandFailed(f"{option.name}: {error}") from None
    return {name: option.value}


def _parts(text: str) -> Iterator[str]:
    return (part.strip() for part in _SEPARATORS.split(text.strip("[]")) if part.strip())


def _boolean(option: RoomOption) -> bool:
    value = _BOOLEANS.get(option.value.lower())
    if value is None:
        raise CommandFailed(f"{option.name}: expected true or false; got {option.value[:60]!r}")
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(sorted(map(str, value)))
    return str(value)
