"""The rules of a privacy list: read from clients, told to them, kept as JSON, and applied (XEP-0016 §2.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.modules.roster import Roster
from burble.namespaces import PRIVACY
from burble.stanza import Iq, Message, Presence, Stanza
from burble.xml import Element

__all__ = ["Rule", "Rules", "allows", "blocked_by", "kind_of", "read_rules", "with_blocked"]

_KINDS: Final = ("message", "iq", "presence-in", "presence-out")
_SUBSCRIPTIONS: Final = frozenset({"both", "to", "from", "none"})
_ORDER: Final = re.compile("[0-9]{1,10}")
_LARGEST: Final = 0xFFFFFFFF  # an unsignedInt


@dataclass(frozen=True, slots=True)
class Rule:
    """One item of a list.

    Attributes:
        order: its place among the others.
        allow: whether it lets through what it matches; else it denies that.
        type: what it goes by: ``jid``, ``group`` or ``subscription``; "" matches everybody.
        value: whom it matches by that.
        kinds: the kinds of stanzas it is about; all, both ways, where there are none.
    """

    order: int
    allow: bool
    type: str = ""
    value: str = ""
    kinds: frozenset[str] = frozenset()

    @property
    def blocks(self) -> bool:
        """Whether a block list (XEP-0191) says the same: it denies an address everything."""
        return self.type == "jid" and not self.allow and not self.kinds

    def element(self) -> Element:
        """The rule as clients see it."""
        attrs = {"type": self.type, "value": self.value} if self.type else {}
        attrs |= {"action": "allow" if self.allow else "deny", "order": str(self.order)}
        item = Element("item", PRIVACY, attrs)
        for kind in _KINDS:
            if kind in self.kinds:
                item.add(kind)
        return item

    def matches(self, peer: JID, roster: Roster) -> bool:
        """Whether the rule is about an address, whatever the kind of stanza."""
        if self.type == "jid":
            return self.value in (peer, peer.bare, peer.domain, f"{peer.domain}/{peer.resource}")
        if not self.type:
            return True
        item = roster.items.get(peer.bare)
        if self.type == "group":
            return item is not None and self.value in item.groups
        return self.value == (item.subscription if item is not None else "none")


class Rules(tuple[Rule, ...]):
    """The rules of one list, in their order."""

    __slots__ = ()

    @property
    def needs_roster(self) -> bool:
        """Whether what they say depends on the roster."""
        return any(rule.type in ("group", "subscription") for rule in self)

    @classmethod
    def sorted(cls, rules: Iterable[Rule]) -> Rules:
        """The rules, put in order."""
        return cls(sorted(rules, key=lambda rule: rule.order))

    def to_json(self) -> str:
        """The rules as they are stored."""
        return json.dumps([[r.order, r.allow, r.type, r.value, sorted(r.kinds)] for r in self])

    @classmethod
    def from_json(cls, text: str) -> Rules:
        """The rules as they were stored."""
        rows = json.loads(text)
        return cls(
            Rule(order, allow, type_, value, frozenset(kinds)) for order, allow, type_, value, kinds in rows
        )


def allows(rules: Rules, kind: str, peer: JID, roster: Roster) -> bool:
    """Whether a list lets a stanza pass (§2.2).

    Args:
        rules: the list; what it has no rule for passes.
        kind: of the stanza: see `kind_of`.
        peer: who sends it, or is to get it.
        roster: the account's.
    """
    for rule in rules:
        if (not rule.kinds or kind in rule.kinds) and rule.matches(peer, roster):
            return rule.allow
    return True


def kind_of(stanza: Stanza, *, outgoing: bool) -> str:
    """The kind of stanza that a rule names; "" for one that only rules about everything match."""
    if isinstance(stanza, Presence) and stanza.type in ("", "unavailable"):
        return "presence-out" if outgoing else "presence-in"
    if not outgoing and isinstance(stanza, Message | Iq):
        return stanza.kind
    return ""


def blocked_by(rules: Rules) -> frozenset[str]:
    """The addresses of a list that a block list has as well (XEP-0191 §5)."""
    return frozenset(rule.value for rule in rules if rule.blocks)


def with_blocked(rules: Rules, blocked: frozenset[str]) -> Rules:
    """A list that blocks just these addresses; new ones come first (XEP-0191 §5)."""
    old = [rule for rule in rules if not rule.blocks or rule.value in blocked]
    new = sorted(blocked - blocked_by(rules))
    first = min((rule.order for rule in old), default=len(new) + 1)
    if new and first < len(new) + 1:
        old = [Rule(len(new) + at, r.allow, r.type, r.value, r.kinds) for at, r in enumerate(old, 1)]
        first = len(new) + 1
    added = [Rule(first - len(new) + at, False, "jid", jid) for at, jid in enumerate(new)]
    return Rules.sorted([*added, *old])


def read_rules(items: Iterable[Element], limit: int) -> Rules:
    """The rules in a client's request.

    Args:
        items: its ``<item/>`` elements.
        limit: how many there may be.

    Raises:
        StanzaError: bad-request, jid-malformed, or resource-constraint.
    """
    rules = [_read_rule(item) for item in items]
    if len(rules) > limit:
        raise StanzaError("resource-constraint", f"a privacy list has {limit} items at most")
    if len({rule.order for rule in rules}) < len(rules):
        raise StanzaError("bad-request", "two items have the same order")
    return Rules.sorted(rules)


def _read_rule(item: Element) -> Rule:
    action, order = item.get("action"), item.get("order") or ""
    if action not in ("allow", "deny"):
        raise StanzaError("bad-request", "the action of an item is allow or deny")
    if not _ORDER.fullmatch(order) or int(order) > _LARGEST:
        raise StanzaError("bad-request", "the order of an item is a number that is not negative")
    kinds = frozenset(child.name for child in item.elements())
    if not kinds <= set(_KINDS) or any(child.ns != PRIVACY for child in item.elements()):
        raise StanzaError("bad-request", f"an item may contain {', '.join(_KINDS)}")
    type_, value = item.get("type"), item.get("value") or ""
    return Rule(int(order), action == "allow", type_ or "", _read_value(type_, value), kinds)


def _read_value(type_: str | None, value: str) -> str:
    if type_ is None:
        return ""
    if type_ not in ("jid", "group", "subscription"):
        raise StanzaError("bad-request", "the type of an item is jid, group or subscription")
    if not value:
        raise StanzaError("bad-request", f"an item of type {type_} needs a value")
    if type_ == "subscription" and value not in _SUBSCRIPTIONS:
        raise StanzaError("bad-request", "a subscription is both, to, from or none")
    if type_ == "jid":
        try:
            return str(JID.parse(value))
        except JIDError as error:
            raise StanzaError("jid-malformed", str(error)) from None
    return value
