"""Stanzas that name the content namespace of their stream themselves (RFC 6120 §4.8.3)."""

from __future__ import annotations

from burble.namespaces import CLIENT, SERVER
from burble.stanza import STANZAS, Stanza
from burble.xml import Element

__all__ = ["stanza_of"]


def stanza_of(element: Element) -> Stanza | None:
    """The stanza that an element is; None where it is none.

    The parser knows stanzas by the default namespace that the header declares. Whoever declares it once more,
    for the stanza, says the same.
    """
    kind = STANZAS.get(element.name) if element.ns == SERVER else None
    if kind is None:
        return None
    _rename(element)
    stanza = kind(None, None, element.attrs)
    stanza.children = element.children
    return stanza


def _rename(element: Element) -> None:
    if element.ns == SERVER:
        element.ns = CLIENT
    for child in element.elements():
        _rename(child)
