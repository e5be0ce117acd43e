"""The module `privacy`: who may reach an account and be reached from it, by lists of rules (XEP-0016)."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from itertools import count

from pydantic import Field

from burble.errors import StanzaError
from burble.jid import JID
from burble.module import Module, ModuleSettings, command, iq, on
from burble.modules.blocking import Blocking
from burble.modules.privacy.deciding import Deciding, active_list
from burble.modules.privacy.effects import Effects
from burble.modules.privacy.requests import Request, choose_default, known, put, read_request, remove
from burble.modules.privacy.rules import Rules, read_rules
from burble.modules.privacy.store import Change, PrivacyLists, PrivacyStore
from burble.modules.roster import Rosters
from burble.namespaces import PRIVACY
from burble.routing.events import (
    AccountRegistered,
    AccountsImported,
    PresenceBroadcast,
    SessionOpened,
    SessionRestored,
    StanzaReceived,
    StanzaSent,
)
from burble.routing.session import Session
from burble.stanza import Iq
from burble.xml import Element, parse_element

__all__ = ["Privacy"]


class Privacy(Module):
    """Lists of rules, asked for, changed and applied; the default list and the block list are one."""

    name = "privacy"
    features = (PRIVACY,)
    requires = ("roster", "blocking")

    class Settings(ModuleSettings):
        """How much an account may store."""

        lists: int = Field(default=20, ge=0, description="Privacy lists of one account at most.")
        items: int = Field(default=1000, ge=1, description="Items of one list at most.")
        name_bytes: int = Field(default=1023, ge=1, description="Longest name of a list, bytes.")

    async def start(self) -> None:
        """Find out who has lists, and apply them before anybody else decides anything (§2.2)."""
        self._rosters = self.require(Rosters)
        self._blocking = self.require(Blocking)
        self._store = PrivacyStore(
            self.host.database, self.host.name, self._blocking.lists, self._lists_changed
        )
        await self._store.start()
        self._deciding = Deciding(self.host, self._store, self._rosters)
        self._effects = Effects(self.host, self._deciding)
        self._pushes = count(1)
        self._blocking.deferring = self._store.users
        self._blocking.lists.follower = self._store
        users = self._store.users
        self.listen(StanzaSent, self._deciding.sent, 1000, users)
        self.listen(StanzaReceived, self._deciding.received, 1000, users)
        self.listen(StanzaReceived, self._deciding.deliver, -1000, users)
        self.listen(PresenceBroadcast, self._deciding.broadcast)
        self._off.append(self.host.keep_state(self.name, active_list, self._deciding.activate))

    async def stop(self) -> None:
        """Leave the deciding to the block lists."""
        self._blocking.deferring = ()
        self._blocking.lists.follower = None

    def _lists_changed(self, user: str, lists: PrivacyLists) -> None:
        account = self.host.sessions.accounts.get(user)
        if account is not None and lists.lists:
            account.data[PrivacyLists] = lists
        elif account is not None:  # its block list is all it has, which changes without us
            account.data.pop(PrivacyLists, None)

    @on(SessionOpened)
    @on(SessionRestored)
    def opened(self, event: SessionOpened | SessionRestored) -> Awaitable[None] | None:
        """Have the lists at hand while the account is connected."""
        session = event.session
        return self._deciding.keep_at_hand(session) if session.user in self._store.users else None

    @on(AccountRegistered)
    def forget(self, event: AccountRegistered) -> None:
        """A new account has no lists, whatever one of its name had."""
        self._store.forget(event.jid.local)

    @on(AccountsImported)
    def imported(self, event: AccountsImported) -> None:
        """Take note of who has lists now."""
        self._store.users.update(event.rows.get("privacy_lists", ()))

    # ---- requests (§2.3 to §2.8)

    @iq(PRIVACY, "query", to="account")
    async def answer(self, request: Iq) -> Element | None:
        """Tell of the lists, or of one; choose one, change one.

        Raises:
            StanzaError: bad-request, item-not-found, conflict, resource-constraint as §2 says.
        """
        session = self.host.sessions.find(request.from_) if request.from_ is not None else None
        if session is None or session.anonymous:
            raise StanzaError("not-allowed", "only an account has privacy lists")
        payload = request.payload
        assert payload is not None
        asked = read_request(payload, request.type == "set")
        if request.type == "get":
            return self._told(session, await self._store.load(session.user), asked)
        await self._change(session.user, asked, session)
        return None

    def _told(self, session: Session, lists: PrivacyLists, asked: Request) -> Element:
        query = Element("query", PRIVACY)
        if asked.name is not None:
            rules = known(lists, asked.name)
            query.add("list", attrs={"name": asked.name}).children += [rule.element() for rule in rules]
            return query
        active = active_list(session)
        if active is not None and active in lists.lists:
            query.add("active", attrs={"name": active})
        if lists.default is not None:
            query.add("default", attrs={"name": lists.default})
        for name in lists.lists:
            query.add("list", attrs={"name": name})
        return query

    async def _change(self, user: str, asked: Request, session: Session | None) -> None:
        name = asked.name
        others = [active_list(other) for other in self.host.sessions.of(user) if other is not session]
        if asked.verb == "active":
            await self._activate(session, name)
        elif asked.verb == "default":
            await self._edit(user, lambda lists: choose_default(lists, name, others))
        elif name is not None:
            await self._edit(user, await self._list_change(user, name, asked, others))
            self._push(user, name)

    async def _activate(self, session: Session | None, name: str | None) -> None:
        if session is None:
            raise StanzaError("bad-request", "an active list belongs to a session")
        if name is not None:
            known(await self._store.load(session.user), name)
        await self._effects.around([session], lambda: self._deciding.activate(session, name))

    async def _list_change(
        self, user: str, name: str, asked: Request, others: Sequence[str | None]
    ) -> Change:
        if not asked.items:
            return lambda lists: remove(lists, name, others)
        if len(name.encode()) > self.settings.name_bytes:
            raise StanzaError("resource-constraint", "the name of the list is too long")
        rules = read_rules(asked.items, self.settings.items)
        await self._check_groups(user, rules)
        limit: int = self.settings.lists
        return lambda lists: put(lists, name, rules, limit)

    async def _edit(self, user: str, change: Change) -> None:
        async def edit() -> None:
            before, after = await self._store.edit(user, change)
            self._blocking.changed_elsewhere(user, before.blocked, after.blocked)

        await self._effects.around(self.host.sessions.of(user), edit)

    async def _check_groups(self, user: str, rules: Rules) -> None:
        """§2.1: groups are those of the roster."""
        wanted = {rule.value for rule in rules if rule.type == "group"}
        if not wanted:
            return
        roster = await self._rosters.store.load(user)
        missing = wanted.difference(*(item.groups for item in roster.items.values()))
        if missing:
            raise StanzaError("item-not-found", f"the roster has no group {min(missing)}")

    def _push(self, user: str, name: str) -> None:
        """§2.2: all connected resources hear which list has changed."""
        for session in self.host.sessions.of(user):
            payload = Element("query", PRIVACY)
            payload.add("list", attrs={"name": name})
            session.send(
                Iq(session.jid, None, {"type": "set", "id": f"privacy{next(self._pushes)}"}, payload)
            )

    @command(tags=["stanza"], result="res::rescode")
    async def privacy_set(self, user: str, host: str, xmlquery: str) -> None:
        """Change the privacy lists of an account (XEP-0016).

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            xmlquery: the query of a request of type set.

        Example:
            privacy_set juliet localhost "<query xmlns='jabber:iq:privacy'><default name='work'/></query>"
        """
        if not await self.host.authenticator.exists(user):
            raise StanzaError("item-not-found", f"there is no account {JID.build(user, host)}")
        try:
            payload = parse_element(xmlquery)
        except ValueError as error:
            raise StanzaError("bad-request", f"the query is {error}") from None
        if (payload.name, payload.ns) != ("query", PRIVACY):
            raise StanzaError("bad-request", f"expected a query of {PRIVACY}")
        await self._change(user, read_request(payload, True), None)
