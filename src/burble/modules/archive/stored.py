"""Archived messages, read back."""

from __future__ import annotations

from burble.jid import JID, JIDError
from burble.namespaces import CLIENT
from burble.stanza import Message
from burble.xml import parse_element

__all__ = ["parse"]


def parse(stored: bytes) -> Message:
    """An archived message.

    Raises:
        ValueError: it is none.
    """
    element = parse_element(stored, CLIENT)
    attrs = element.attrs
    return Message(_jid(attrs.pop("to", None)), _jid(attrs.pop("from", None)), attrs, *element.children)


def _jid(text: str | None) -> JID | None:
    try:
        return None if text is None else JID.parse(text)
    except JIDError as error:
        raise ValueError(str(error)) from None
