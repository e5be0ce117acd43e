"""What clients ask of their privacy lists, and what that changes (XEP-0016 §2.3 to §2.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from burble.errors import StanzaError
from burble.modules.privacy.rules import Rules
from burble.modules.privacy.store import PrivacyLists
from burble.namespaces import PRIVACY
from burble.xml import Element

__all__ = ["Request", "choose_default", "known", "put", "read_request", "remove"]

_VERBS: Final = ("active", "default", "list")


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        verb: ``active``, ``default`` or ``list``; "" asks for the names of all lists.
        name: of the list; None chooses none.
        items: the rules of the list.
    """

    verb: str = ""
    name: str | None = None
    items: Sequence[Element] = ()


def read_request(query: Element, changes: bool) -> Request:
    """Read a request of type get, or of type set, which changes something.

    Raises:
        StanzaError: bad-request.
    """
    parts = list(query.elements())
    if not parts and not changes:
        return Request()
    if len(parts) != 1 or parts[0].ns != PRIVACY or parts[0].name not in _VERBS:
        raise StanzaError("bad-request", "the query has exactly one of <active/>, <default/> and <list/>")
    part = parts[0]
    if part.name != "list":
        if not changes:
            raise StanzaError("bad-request", "ask for the names of all lists, or for one list")
    elif not part.get("name"):
        raise StanzaError("bad-request", "a list has a name")
    return Request(part.name, part.get("name"), tuple(part.elements("item", PRIVACY)))


def known(lists: PrivacyLists, name: str | None) -> Rules:
    """The list of a name.

    Raises:
        StanzaError: item-not-found.
    """
    rules = lists.lists.get(name) if name is not None else None
    if rules is None:
        raise StanzaError("item-not-found", f"there is no privacy list {name}")
    return rules


def put(lists: PrivacyLists, name: str, rules: Rules, limit: int) -> None:
    """Store a list, in place of one of the same name (§2.6, §2.7).

    Raises:
        StanzaError: resource-constraint.
    """
    if name not in lists.lists and len(lists.lists) >= limit:
        raise StanzaError("resource-constraint", f"an account has {limit} privacy lists at most")
    lists.lists[name] = rules


def remove(lists: PrivacyLists, name: str, others: Sequence[str | None]) -> None:
    """Remove a list (§2.8).

    Args:
        lists: the account's.
        name: the list.
        others: the active list of each other session, or None.

    Raises:
        StanzaError: item-not-found; conflict, where the list applies to another session.
    """
    known(lists, name)
    if name in others or (name == lists.default and None in others):
        raise StanzaError("conflict", f"the privacy list {name} applies to another session")
    del lists.lists[name]
    if lists.default == name:
        lists.default = None


def choose_default(lists: PrivacyLists, name: str | None, others: Sequence[str | None]) -> None:
    """Choose the default list, or none (§2.5).

    Raises:
        StanzaError: item-not-found; conflict, where the default list applies to another session.
    """
    if name is not None:
        known(lists, name)
    if lists.default is not None and name != lists.default and None in others:
        raise StanzaError("conflict", f"the privacy list {lists.default} applies to another session")
    lists.default = name
