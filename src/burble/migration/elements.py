"""What servers keep of an account, as XML: the same elements in XEP-0227, in spools, and on the wire."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.migration.accounts import AccountData, Ignored
from burble.migration.archives import read_archived
from burble.modules.privacy.rules import Rules, blocked_by, read_rules
from burble.namespaces import BLOCKING, CLIENT, DELAY, PRIVACY, PRIVATE, ROSTER, VCARD
from burble.storage.schema import (
    blocklist,
    last_activity,
    offline_messages,
    privacy_lists,
    private_xml,
    roster_items,
    roster_versions,
    subscription_requests,
    vcards,
)
from burble.timestamps import parse_stamp
from burble.xml import Element

__all__ = ["ACCOUNT", "ARCHIVE", "PIE", "SCRAM", "ElementReader"]

_MOST_RULES: Final = 10_000
_SUBSCRIPTIONS: Final = ("none", "to", "from", "both")
_OLD_DELAY: Final = "jabber:x:delay"
_TRUE: Final = ("true", "1")
# The namespaces of XEP-0227: as it is, and as it was when it was young.
PIE: Final = ("urn:xmpp:pie:0", "http://www.xmpp.org/extensions/xep-0227.html#ns")

SCRAM: Final = "urn:xmpp:pie:0#scram"
ARCHIVE: Final = "urn:xmpp:pie:0#mam"
ACCOUNT: Final = "burble:account"
"""The namespace of what the format has no words for, such as since when there is an account."""


class ElementReader:
    """Turns elements into rows of an account.

    Args:
        ignored: counts what can't be taken over.
    """

    def __init__(self, ignored: Ignored) -> None:
        self._ignored = ignored

    def read(self, account: AccountData, element: Element) -> bool:
        """Take over what an element says.

        Returns:
            Whether it is of a kind that is known here.
        """
        match element.ns, element.name:
            case str(ns), "query" if ns == ROSTER:
                self._roster(account, element)
            case str(ns), "query" if ns == PRIVATE:
                for child in element.elements():
                    self.private(account, child)
            case str(ns), "query" if ns == PRIVACY:
                self._privacy(account, element)
            case str(ns), "vCard" if ns == VCARD:
                account.add(vcards, {"xml": element.to_bytes()})
            case str(ns), "blocklist" if ns == BLOCKING:
                for item in element.elements("item"):
                    self._block(account, item.get("jid"))
            case str(ns), "presence" if ns == CLIENT or ns in PIE:
                self._request(account, _as_client(element))
            case _:
                return False
        return True

    def private(self, account: AccountData, element: Element) -> None:
        """Keep private XML (XEP-0049)."""
        row = {"ns": element.ns, "name": element.name, "xml": element.to_bytes()}
        account.add(private_xml, row)

    def last(self, account: AccountData, seconds: str | None, status: str) -> None:
        """Keep when an account was last there (XEP-0012), seconds since the epoch."""
        if seconds is None or not seconds.isdecimal() or int(seconds) >= 2**62:
            self._ignored["times of the last logout that are none"] += 1
        else:
            account.add(last_activity, {"seconds": int(seconds), "status": status})

    def message(self, account: AccountData, message: Element) -> None:
        """Keep a message for later (XEP-0160), with the time at which it came."""
        message = _as_client(message)
        if message.name != "message" or message.child() is None:
            self._ignored["messages without content"] += 1
            return
        stored_at = time.time()
        for delay in [*message.elements("delay", DELAY), *message.elements("x", _OLD_DELAY)]:
            if delay.get("from") not in (None, account.host, account.bare()):
                continue  # somebody else's: it tells of the message and not of its being kept
            try:
                stored_at = _moment(delay).timestamp()
            except ValueError:
                continue
            message.children.remove(delay)
        message.attrs.setdefault("from", account.host)
        message.attrs.setdefault("to", account.bare())
        row = {"stanza": message.to_bytes(CLIENT), "stored_at": max(0, int(stored_at)), "expires": None}
        account.add(offline_messages, row)

    def archived(self, account: AccountData, result: Element) -> None:
        """Put a message into the archive (XEP-0313)."""
        last = account.archived[-1].id if account.archived else 0
        message = read_archived(JID.build(account.user, account.host), result, last)
        if message is None:
            self._ignored["archived messages that are none"] += 1
        else:
            account.archive(message)

    def _privacy(self, account: AccountData, query: Element) -> None:
        """Keep privacy lists (XEP-0016); one that only blocks is the block list (XEP-0191 §5)."""
        lists: dict[str, Rules] = {}
        for each in query.elements("list"):
            try:
                lists[each.get("name") or ""] = read_rules(each.elements("item"), _MOST_RULES)
            except StanzaError:
                self._ignored["privacy lists that are none"] += 1
        chosen = query.child("default")
        default = "" if chosen is None else chosen.get("name") or ""
        rules = lists.get(default, Rules())
        for jid in blocked_by(rules):
            account.add(blocklist, {"jid": jid})
        if [*lists] == [default] and all(rule.blocks for rule in rules):
            return
        for name, found in lists.items():
            row = {"name": name, "is_default": name == default, "rules": found.to_json()}
            account.add(privacy_lists, row)

    # ---- contacts

    def _roster(self, account: AccountData, query: Element) -> None:
        own = account.bare()
        for item in query.elements("item"):
            attrs = item.attrs
            jid = self._jid(attrs.get("jid"))
            subscription = attrs.get("subscription", "none")
            if jid is None or jid.bare == own or subscription not in _SUBSCRIPTIONS:
                self._ignored["contacts that can't be"] += 1
                continue
            row = {
                "jid": str(jid.bare),
                "name": attrs.get("name") or None,
                "subscription": subscription,
                "ask": attrs.get("ask") == "subscribe",
                "approved": attrs.get("approved") in _TRUE,
                "groups": _groups(tuple([group.text for group in item.elements("group")])),
            }
            account.add(roster_items, row)
        # Without a version, nobody looks for contacts.
        account.add(roster_versions, {"ver": int(time.time())})

    def _request(self, account: AccountData, presence: Element) -> None:
        contact = self._jid(presence.get("from"))
        if presence.get("type") != "subscribe" or contact is None:
            self._ignored["presence that is no subscription request"] += 1
            return
        presence.attrs.setdefault("to", account.bare())
        row = {"jid": str(contact.bare), "stanza": presence.to_bytes(CLIENT)}
        account.add(subscription_requests, row)

    def _block(self, account: AccountData, address: str | None) -> None:
        jid = self._jid(address)
        if jid is None:
            self._ignored["blocked addresses that are none"] += 1
        else:
            account.add(blocklist, {"jid": str(jid)})

    def _jid(self, text: str | None) -> JID | None:
        try:
            return JID.parse(text) if text else None
        except JIDError:
            return None


@lru_cache(1024)
def _groups(names: tuple[str, ...]) -> str:
    """Names of groups as the column holds them; most contacts are in the same few."""
    return json.dumps([*dict.fromkeys(filter(None, names))], ensure_ascii=False)


def _moment(delay: Element) -> datetime:
    """When a message was kept, by XEP-0203 or by XEP-0091, which came before it."""
    stamp = delay.get("stamp") or ""
    if delay.ns == DELAY:
        return parse_stamp(stamp)
    return datetime.strptime(stamp, "%Y%m%dT%H:%M:%S").replace(tzinfo=UTC)


def _as_client(element: Element) -> Element:
    """A stanza that was written without a namespace of its own stands in that of the file."""
    if element.ns in PIE or element.ns == "":
        element.ns = CLIENT
        for child in element.elements():
            _as_client(child)
    return element
