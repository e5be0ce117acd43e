"""What a push service is told, and which messages are worth it (XEP-0357 §7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from burble.forms import Form
from burble.modules.push.store import PushService
from burble.namespaces import CLIENT, CONFERENCE, HINTS, MUC_USER, PUBSUB, PUSH, PUSH_SUMMARY
from burble.stanza import Iq, Message
from burble.xml import Element

__all__ = ["Summary", "is_worth_waking", "publish"]

#: What people are to hear of although it has no body.
_CONTENT: Final = frozenset(
    {
        ("body", CLIENT),
        ("x", CONFERENCE),  # an invitation to a room
        ("encryption", "urn:xmpp:eme:0"),  # 0380
        ("x", "jabber:x:encrypted"),  # 0027
        ("openpgp", "urn:xmpp:openpgp:0"),  # 0373
        ("encrypted", "eu.siacs.conversations.axolotl"),  # 0384, as deployed
        ("encrypted", "urn:xmpp:omemo:1"),  # 0384
        ("encrypted", "urn:xmpp:omemo:2"),  # 0384
        ("propose", "urn:xmpp:jingle-message:0"),  # 0353: a call
        ("invite", "urn:xmpp:call-invites:0"),  # 0482
    }
)


@dataclass(slots=True)
class Summary:
    """What a notification may tell.

    Attributes:
        messages: how many wait for the client.
        subscriptions: how many requests to subscribe wait; None where it is not about these.
        sender: who sent the last message.
        body: its text.
    """

    messages: int = 0
    subscriptions: int | None = None
    sender: str = ""
    body: str = ""

    def form(self) -> Form:
        """The form of type ``urn:xmpp:push:summary`` (§12.3)."""
        form = Form("submit", PUSH_SUMMARY)
        form.add("message-count", value=str(self.messages))
        if self.subscriptions is not None:
            form.add("pending-subscription-count", value=str(self.subscriptions))
        if self.sender:
            form.add("last-message-sender", "jid-single", value=self.sender)
        if self.body:
            form.add("last-message-body", value=self.body)
        return form


def is_worth_waking(message: Message) -> bool:
    """Whether a message says something to a person, so that it is worth waking a device."""
    if message.type in ("error", "headline") or message.child("no-store", HINTS) is not None:
        return False
    return any(
        (child.name, child.ns) in _CONTENT
        or (child.ns == MUC_USER and child.child("invite", MUC_USER) is not None)
        for child in message.elements()
    )


def publish(service: PushService, summary: Summary) -> Iq:
    """The request that publishes a notification (§7)."""
    notification = Element("notification", PUSH, None, summary.form().to_element())
    pubsub = Element("pubsub", PUBSUB)
    node = {"node": service.node} if service.node else None
    pubsub.add("publish", attrs=node).add("item").append(notification)
    if service.options is not None:
        pubsub.add("publish-options").append(service.options)
    return Iq(service.jid, None, {"type": "set"}, pubsub)
