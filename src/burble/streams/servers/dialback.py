"""Server Dialback (XEP-0220): the keys, and the elements that carry them."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.namespaces import STANZA_ERRORS
from burble.xml import Element, escape_text, write_attributes

__all__ = [
    "Dialled",
    "dialback_key",
    "domain_of",
    "key_matches",
    "read_dialback",
    "refusal",
    "result",
    "verify",
]

# Keys are hashes; longer ones are none of ours and not worth remembering.
_LONGEST_KEY: Final = 1024


def dialback_key(secret: bytes, receiving: str, originating: str, stream_id: str) -> str:
    """The key that proves a domain to another one, on one stream (XEP-0185 §3).

    Args:
        secret: of the originating server's own.
        receiving: the domain that asks for proof.
        originating: the domain that is proved.
        stream_id: the id that the receiving server has given the stream.
    """
    inner = hashlib.sha256(secret).hexdigest().encode()
    text = f"{receiving} {originating} {stream_id}"
    return hmac.new(inner, text.encode(), hashlib.sha256).hexdigest()


def key_matches(key: str, expected: str) -> bool:
    """Whether a key is the one expected; takes the same time whatever it is."""
    return hmac.compare_digest(key.encode(), expected.encode())


class Dialled:
    """A dialback element that was received (XEP-0220 §2).

    Attributes:
        name: ``result`` or ``verify``.
        sender: the domain that it is from.
        recipient: the domain that it is for.
        type: ``valid``, ``invalid``, ``error``, or "" where something is asked.
        id: the id of the stream that it is about.
        key: what proves the sender, where something is asked.
        condition: what went wrong, where the type is ``error``.
    """

    __slots__ = ("condition", "id", "key", "name", "recipient", "sender", "type")

    def __init__(self, element: Element) -> None:
        self.name = element.name
        self.sender = domain_of(element.get("from"))
        self.recipient = domain_of(element.get("to"))
        self.type = element.get("type") or ""
        self.id = element.get("id") or ""
        self.key = element.text.strip()
        self.condition = ""
        error = element.child("error")
        if self.type == "error" and error is not None:
            found = error.child(ns=STANZA_ERRORS)
            self.condition = found.name if found is not None else ""


def read_dialback(element: Element) -> Dialled | None:
    """What a dialback element says; None where it is none, or names no domains."""
    if element.name not in ("result", "verify"):
        return None
    dialled = Dialled(element)
    return dialled if dialled.sender and dialled.recipient and len(dialled.key) <= _LONGEST_KEY else None


def domain_of(address: str | None) -> str:
    """The prepared domain that an address consists of; "" where it is none, or more than a domain."""
    try:
        jid = JID.parse(address) if address else None
    except JIDError:
        return ""
    return jid.domain if jid is not None and jid == jid.domain else ""


def result(sender: str, recipient: str, *, type: str = "", key: str = "") -> bytes:
    """``<db:result/>``: asks the recipient to believe us (§2.1.1), or answers who asked (§2.1.2)."""
    return _written("result", sender, recipient, "", type, key)


def verify(sender: str, recipient: str, id: str, *, type: str = "", key: str = "") -> bytes:
    """``<db:verify/>``: asks the authoritative server about a key (§2.2.1), or answers (§2.2.2)."""
    return _written("verify", sender, recipient, id, type, key)


def refusal(asked: Dialled, error: StanzaError) -> bytes:
    """The answer of type ``error`` to an element that asks something (§2.4)."""
    text = escape_text(error.text or "")
    inside = (
        f"<error type='{error.type}'><{error.condition} xmlns='{STANZA_ERRORS}'/>"
        f"<text xmlns='{STANZA_ERRORS}' xml:lang='en'>{text}</text></error>"
    )
    return _written(asked.name, asked.recipient, asked.sender, asked.id, "error", inside)


def _written(name: str, sender: str, recipient: str, id: str, type: str, inside: str) -> bytes:
    # By the prefix that stream headers declare: for history's sake some servers know no other.
    attrs: list[str] = []
    write_attributes(attrs, {"from": sender, "to": recipient, **({"id": id} if id else {})})
    write_attributes(attrs, {"type": type} if type else {})
    return f"<db:{name}{''.join(attrs)}>{inside}</db:{name}>".encode()
