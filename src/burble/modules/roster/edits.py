"""What a client asks to be done with its roster (RFC 6121 §2.3 to §2.5), checked."""

from __future__ import annotations

from dataclasses import dataclass

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.namespaces import ROSTER
from burble.xml import Element

__all__ = ["Edit", "EditLimits", "read_edit"]


@dataclass(frozen=True, slots=True)
class EditLimits:
    """How much text a roster item may hold.

    Attributes:
        name: bytes of its name.
        group: bytes of a group's name.
        groups: how many groups it may be in.
    """

    name: int
    group: int
    groups: int


@dataclass(frozen=True, slots=True)
class Edit:
    """A roster set.

    Attributes:
        jid: the contact's bare JID.
        remove: it is to be taken out of the roster; the rest does not matter then.
        name: what it is to be called, or None.
        groups: the groups it is to be in.
    """

    jid: JID
    remove: bool = False
    name: str | None = None
    groups: tuple[str, ...] = ()


def read_edit(query: Element, limits: EditLimits) -> Edit:
    """Read a roster set.

    What only the server may say (``ask``, ``approved``, a subscription) is ignored (§2.1.2, §2.3.1).

    Args:
        query: the payload of the request.
        limits: what an item may hold.

    Raises:
        StanzaError: as §2.3.3 and §2.5.3 say: bad-request, not-acceptable; jid-malformed.
    """
    items = list(query.elements("item", ROSTER))
    if len(items) != 1:
        raise StanzaError("bad-request", "a roster set has exactly one item")
    item = items[0]
    address = item.get("jid")
    if not address:
        raise StanzaError("bad-request", "the item has no jid")
    try:
        jid = JID.parse(address).bare
    except JIDError as error:
        raise StanzaError("jid-malformed", str(error)) from None
    if item.get("subscription") == "remove":
        return Edit(jid, remove=True)
    name = item.get("name")
    if name is not None and len(name.encode()) > limits.name:
        raise StanzaError("not-acceptable", f"a name has at most {limits.name} bytes")
    return Edit(jid, name=name, groups=_groups(item, limits))


def _groups(item: Element, limits: EditLimits) -> tuple[str, ...]:
    groups = tuple(group.text for group in item.elements("group", ROSTER))
    if len(set(groups)) != len(groups):
        raise StanzaError("bad-request", "a group is named twice")
    if "" in groups:
        raise StanzaError("not-acceptable", "a group has no name")
    if any(len(group.encode()) > limits.group for group in groups):
        raise StanzaError("not-acceptable", f"the name of a group has at most {limits.group} bytes")
    if len(groups) > limits.groups:
        raise StanzaError("not-acceptable", f"a contact can be in at most {limits.groups} groups")
    return groups
