"""Kinds of values that commands take, and the words for what is expected of them."""

from __future__ import annotations

import types
from collections.abc import Collection
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import AfterValidator

from burble.auth.passwords import prepare_password
from burble.config.fields import Domain, expected
from burble.jid import JID, JIDError

__all__ = [
    "HIDDEN",
    "BareJID",
    "ContactName",
    "HostName",
    "Password",
    "Resource",
    "UserName",
    "expectation",
    "is_hidden",
    "is_list",
    "is_scalar",
]

HIDDEN: Final = "hidden"
"""Marks an argument as one that is never shown or logged: ``Annotated[str, HIDDEN]``."""


def _user(text: str) -> str:
    try:
        local = JID.build(text, "localhost").local
    except JIDError:
        local = ""
    if not local:
        raise expected('the name of an account such as "juliet", without its domain')
    return local


def _contact_name(text: str) -> str:
    return _user(text) if text else ""


def _resource(text: str) -> str:
    try:
        resource = JID.build("user", "localhost", text).resource
    except JIDError:
        resource = ""
    if not resource:
        raise expected('a resource such as "balcony"')
    return resource


def _bare(jid: JID) -> JID:
    return jid.bare


def _password(text: str) -> str:
    prepare_password(text)
    return text


UserName = Annotated[str, AfterValidator(_user)]
"""An account's localpart, prepared (RFC 7622 §3.3)."""

ContactName = Annotated[str, AfterValidator(_contact_name)]
"""The localpart of any address, prepared; "" where that is a domain alone."""

Resource = Annotated[str, AfterValidator(_resource)]
"""A resource, prepared (RFC 7622 §3.4)."""

BareJID = Annotated[JID, AfterValidator(_bare)]
"""An address; a resource is left off."""

HostName = Domain
"""A host's domain, prepared (RFC 7622 §3.2)."""

Password = Annotated[str, AfterValidator(_password), HIDDEN]
"""A password in clear: one that can be prepared, and is not shown."""

_WORDS: Final = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    JID: 'an address such as "juliet@example.org"',
}
_SCALARS: Final = (str, int, float, bool)


def expectation(annotation: Any) -> str:
    """What a value of a type is, in words that finish the sentence "expected ..."."""
    kind = get_origin(annotation)
    if kind is Annotated:
        return expectation(get_args(annotation)[0])
    if kind is Literal:
        return " or ".join(f'"{choice}"' for choice in get_args(annotation))
    if kind in (Union, types.UnionType):
        return " or ".join(expectation(each) for each in _choices(annotation))
    if is_list(annotation):
        return f"a list, each item {expectation(next(iter(get_args(annotation)), str))}"
    return _WORDS.get(annotation, "a JSON object")


def is_hidden(annotation: Any) -> bool:
    """Whether values of a type are never to be shown."""
    return get_origin(annotation) is Annotated and HIDDEN in annotation.__metadata__


def is_list(annotation: Any) -> bool:
    """Whether values of a type are lists, sets or the like."""
    kind = get_origin(annotation) or annotation
    if kind is Annotated:
        return is_list(get_args(annotation)[0])
    if kind in (Union, types.UnionType):
        return any(is_list(each) for each in _choices(annotation))
    return isinstance(kind, type) and issubclass(kind, Collection) and not issubclass(kind, str | dict)


def is_scalar(annotation: Any) -> bool:
    """Whether a value of a type can be written as plain text."""
    kind = get_origin(annotation) or annotation
    if kind is Annotated:
        return is_scalar(get_args(annotation)[0])
    if kind in (Union, types.UnionType):
        return any(is_scalar(each) for each in _choices(annotation))
    return kind is Literal or (isinstance(kind, type) and issubclass(kind, _SCALARS))


def _choices(union: Any) -> list[Any]:
    return [each for each in get_args(union) if each is not type(None)]
