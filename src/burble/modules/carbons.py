"""XEP-0280: what one client of an account sends or receives, its others get a copy of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from burble.errors import StanzaError
from burble.jid import JID
from burble.module import Module, iq, on
from burble.namespaces import (
    CARBONS,
    CARBONS_RULES,
    CHAT_MARKERS,
    CHAT_STATES,
    CLIENT,
    CONFERENCE,
    FORWARD,
    HINTS,
    MUC_USER,
    RECEIPTS,
)
from burble.routing.events import (
    SessionClosed,
    SessionOpened,
    SessionRestored,
    StanzaReceived,
    StanzaSent,
)
from burble.routing.session import Account, Session
from burble.stanza import Iq, Message
from burble.xml import Element

__all__ = ["Carbons", "is_eligible", "recipients"]

#: The session has enabled carbons.
_ENABLED: Final = "carbons.enabled"
#: Copied messages that an account remembers, to know the errors that answer them.
_REMEMBERED: Final = 200
_IM_PAYLOADS: Final = frozenset({CHAT_STATES, CHAT_MARKERS, RECEIPTS})


class Carbons(Module):
    """Copies messages to the sessions that have asked for it.

    An account with one session, or none that asked, costs nothing: no event is made of its messages.
    """

    features = (CARBONS, CARBONS_RULES)
    account_features = (CARBONS, CARBONS_RULES)

    async def start(self) -> None:
        """Take note of the sessions there are, and listen for the accounts that have somebody to copy to."""
        # The accounts with several sessions, one of which at least has enabled carbons.
        self._copying: set[str] = set()
        for account in self.host.sessions.accounts.values():
            self._note(account)
        # After those who refuse messages, and after the archive, which gives them their ids.
        self.listen(StanzaSent, self.sent, -20, self._copying)
        self.listen(StanzaReceived, self.received, -20, self._copying)
        self._off.append(self.host.keep_state(self.name, self.enabled, self.choose))

    # ---- who wants copies (§4, §5)

    @iq(CARBONS, "enable", to="account", type="set")
    def enable(self, request: Iq) -> None:
        """Send the client copies from now on."""
        self.choose(self._session(request), True)

    @iq(CARBONS, "disable", to="account", type="set")
    def disable(self, request: Iq) -> None:
        """Send the client no more copies."""
        self.choose(self._session(request), False)

    def choose(self, session: Session, enabled: bool) -> None:
        """Enable or disable carbons for a session; doing it twice changes nothing (§10.1)."""
        session.data[_ENABLED] = enabled
        self._note(session.account)

    def enabled(self, session: Session) -> bool:
        """Whether a session gets copies."""
        return bool(session.data.get(_ENABLED))

    def _session(self, request: Iq) -> Session:
        session = self.host.sessions.find(request.from_) if request.from_ is not None else None
        if session is None:
            raise StanzaError("not-allowed", "only a connected client can ask for copies")
        return session

    @on(SessionOpened)
    @on(SessionRestored)
    def opened(self, event: SessionOpened | SessionRestored) -> None:
        """A second session may be the one whose messages the first wants."""
        self._note(event.session.account)

    @on(SessionClosed)
    def closed(self, event: SessionClosed) -> None:
        """The session that is left needs no copies of its own messages."""
        self._note(event.session.account)

    def _note(self, account: Account) -> None:
        sessions = account.sessions.values()
        if len(sessions) > 1 and any(map(self.enabled, sessions)):
            self._copying.add(account.user)
        elif self.host.sessions.accounts.get(account.user) in (account, None):
            self._copying.discard(account.user)

    # ---- copies (§6 to §9)

    def sent(self, event: StanzaSent) -> None:
        """§8: copy what one session sends to the others."""
        session, message = event.session, event.stanza
        if not isinstance(message, Message):
            return
        # What goes to the account itself is copied when it arrives, once.
        if message.to is None or message.to.bare == session.jid.bare:
            return
        if self._is_eligible(session.account, message, message.to):
            if message.archive_id:  # what clients find it by in their archive (XEP-0313)
                message = message.with_stanza_id(session.jid.bare, message.archive_id)
            self._copy("sent", message, session.account.sessions.values(), {session})

    def sent_for(self, event: StanzaSent) -> None:
        """Copy what somebody else has sent in an account's name, even to its only session (XEP-0356)."""
        if event.session.user not in self._copying:  # else `sent` has done it
            self.sent(event)

    def received(self, event: StanzaReceived) -> None:
        """§7: copy what one session gets to the others."""
        message = event.stanza
        account = self.host.sessions.accounts.get(event.user)
        if account is None or not isinstance(message, Message):
            return
        if message.from_ is None or message.to is None or _is_private_from_room(message):
            return
        if not self._is_eligible(account, message, message.from_):
            return
        reached = recipients(account, message)
        # What nobody takes now is kept: a session that is not available yet will get it from there.
        others = account.sessions.values() if reached else account.available()
        sender = self.host.sessions.find(message.from_) if message.from_.resource else None
        self._copy("received", message, others, {*reached, sender})

    def _copy(
        self, name: str, message: Message, sessions: Iterable[Session], without: set[Session | None]
    ) -> None:
        copy: Message | None = None
        for session in sessions:
            if session in without or not self.enabled(session):
                continue
            if copy is None:
                copy = _wrapped(name, message)
            session.send(copy.readdressed(session.jid, session.jid.bare))

    def _is_eligible(self, account: Account, message: Message, peer: JID) -> bool:
        """§6.1, errors included: those that answer a message which was copied."""
        seen: OrderedDict[tuple[JID, str], None] = account.data.setdefault(Carbons, OrderedDict())
        if message.type == "error":
            return (peer.bare, message.id or "") in seen
        if not is_eligible(message):
            return False
        if message.id:
            seen[peer.bare, message.id] = None
            if len(seen) > _REMEMBERED:
                seen.popitem(last=False)
        return True


def is_eligible(message: Message) -> bool:
    """Whether a message that is no error is to be copied (§6.1)."""
    kind = message.type
    if kind == "groupchat":
        return False
    wanted = kind == "chat"
    for child in message.elements():
        ns, name = child.ns, child.name
        if ns == CARBONS or (ns == HINTS and name == "no-copy"):  # private, or a copy itself
            return False
        if ns == CLIENT:
            wanted = wanted or (name == "body" and kind == "normal")
        elif ns in _IM_PAYLOADS or ns == CONFERENCE or (ns == MUC_USER and child.child("invite", MUC_USER)):
            wanted = True
    return wanted


def _is_private_from_room(message: Message) -> bool:
    """Whether an occupant says something to an account in private (§6.1): the room has replicated it."""
    if message.from_ is None or not message.from_.resource:
        return False
    return message.child("x", MUC_USER) is not None and message.type != "error"


def recipients(account: Account, message: Message) -> list[Session]:
    """The sessions that a message will be delivered to (RFC 6121 §8.5)."""
    to = message.to
    assert to is not None
    session = account.sessions.get(to.resource) if to.resource else None
    if session is not None:
        return [session]
    if message.type == "headline":
        return [] if to.resource else [each for each in account.available() if each.priority >= 0]
    if message.type == "error" or (message.type == "normal" and to.resource):
        return []
    return account.most_available()


def _wrapped(name: str, message: Message) -> Message:
    """§7, §8: the message as forwarded (XEP-0297), in a message of the same type."""
    attrs = {"type": kind} if (kind := message.attrs.get("type")) else {}
    forwarded = Element("forwarded", FORWARD, None, message)
    return Message(None, None, attrs, Element(name, CARBONS, None, forwarded))
