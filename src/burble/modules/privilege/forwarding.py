"""Stanzas that privileged components send in the name of others (XEP-0356 §5, §6)."""

from __future__ import annotations

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.modules.privilege.settings import Privileges
from burble.namespaces import CLIENT, FORWARD, PRIVILEGE
from burble.stanza import Iq, Message
from burble.xml import Element

__all__ = ["message_for", "request_for", "wrapped"]


def message_for(wrapper: Message, host: str) -> Message | None:
    """The message that a component wants to have sent; None where the wrapper holds none.

    Args:
        wrapper: what it has sent to the host.
        host: the host's domain.

    Raises:
        StanzaError: forbidden, where its sender is not the host or a bare JID of it; bad-request or
            jid-malformed, where it can't be sent.
    """
    privilege = wrapper.child("privilege", PRIVILEGE)
    forwarded = privilege.child("forwarded", FORWARD) if privilege is not None else None
    inner = forwarded.child("message", CLIENT) if forwarded is not None else None
    if inner is None:
        return None
    attrs = dict(inner.attrs)
    to, sender = _address(attrs.pop("to", "")), _address(attrs.pop("from", ""))
    if to is None:
        raise StanzaError("bad-request", "the message has no recipient")
    if sender is None or sender.resource or sender.domain != host:
        raise StanzaError("forbidden", f"the sender must be a bare address of {host}")
    return Message(to, sender, attrs, *inner.children)


def request_for(wrapper: Iq, privileges: Privileges) -> Iq:
    """The request that a component wants to have sent, in the name of the account it has sent it to.

    Args:
        wrapper: with a ``<privileged_iq/>``, to a bare JID.
        privileges: what the component may do.

    Raises:
        StanzaError: forbidden, where §6.3 says so; bad-request or jid-malformed, where it can't be sent.
    """
    account, payload = wrapper.to, wrapper.payload
    assert account is not None
    assert payload is not None
    inner = payload.child("iq")
    if inner is None or inner.ns != CLIENT:
        raise StanzaError("forbidden", "the request must be an iq of jabber:client")
    attrs = dict(inner.attrs)
    to, sender = _address(attrs.pop("to", "")), _address(attrs.pop("from", ""))
    if inner.get("type") != wrapper.type:
        raise StanzaError("forbidden", "both requests must be of the same type")
    if sender is not None and sender != account:
        raise StanzaError("forbidden", f"the request must come from {account}")
    asked = inner.child()
    if asked is None or not privileges.may_ask(asked.ns, wrapper.type):
        raise StanzaError("forbidden", "you may not send such requests for others")
    return Iq(to or account, account, attrs, *inner.children)


def wrapped(answer: Iq, id: str | None) -> Element:
    """An answer as the component gets it, under the id of the request that it asked to send."""
    attrs = {key: value for key, value in answer.attrs.items() if key != "id"}
    if id is not None:
        attrs["id"] = id
    inner = Iq(answer.to, answer.from_, attrs, *answer.children)
    return Element("privilege", PRIVILEGE, None, Element("forwarded", FORWARD, None, inner))


def _address(text: str) -> JID | None:
    if not text:
        return None
    try:
        return JID.parse(text)
    except JIDError as error:
        raise StanzaError("jid-malformed", str(error)) from None
