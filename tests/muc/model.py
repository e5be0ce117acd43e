"""A room in a few lines, to compare the real one with: plain names and dicts, and the tables of `tables.py`.

Every method that stands for a request returns the conditions it may be refused with; none means that it was
done. Nothing here knows of stanzas.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.muc.tables import (
    AFFILIATIONS,
    FIRST_ROLE,
    PRIVATE_BY,
    ROLES,
    may_change_affiliation,
    may_change_role,
    role_after,
)

Refusal = set[str]
#: A change that an admin asks for: ("role", nick, role) or ("affiliation", account or domain, affiliation).
Item = tuple[str, str, str]

_DENIED = {"forbidden", "not-allowed", "conflict"}


def alike(nick: str) -> str:
    """What nicks that people could take for one another have in common."""
    return " ".join(nick.casefold().split())


def account_of(client: str) -> str:
    """The bare JID."""
    return client.partition("/")[0]


@dataclass
class Person:
    """An occupant."""

    account: str
    role: str
    clients: list[str]


@dataclass
class Model:
    """A room; fields are named as in `RoomConfig`."""

    locked: bool = True
    affiliations: dict[str, str] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    registered: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    members_only: bool = False
    moderated: bool = False
    change_subject: bool = False
    whois: str = "moderators"
    allow_pm: str = "anyone"
    password: str = ""
    max_users: int = 200
    extra_users: int = 20
    history: int = 20
    shown: frozenset[str] = frozenset(ROLES[1:])

    # ---- looking

    def affiliation(self, account: str) -> str:
        """That of an account, or of its domain."""
        domain = account.partition("@")[2]
        return self.affiliations.get(account) or self.affiliations.get(domain, "none")

    def nick(self, client: str) -> str | None:
        """The nick of a client; None outside."""
        return next((nick for nick, person in self.people.items() if client in person.clients), None)

    def role(self, account: str) -> str:
        """The greatest role of an account."""
        roles = (person.role for person in self.people.values() if person.account == account)
        return max(roles, key=ROLES.index, default="none")

    def sees_addresses(self, role: str) -> bool:
        """Whether occupants of a role are told real addresses."""
        return role == "moderator" or self.whois == "anyone"

    def roster(self, nick: str) -> dict[str, tuple[str, str]]:
        """Affiliation and role of everybody an occupant shall see, by nick."""
        return {
            other: (self.affiliation(person.account), person.role)
            for other, person in self.people.items()
            if other == nick or person.role in self.shown
        }

    def _is(self, account: str, least: str) -> bool:
        return AFFILIATIONS.index(self.affiliation(account)) >= AFFILIATIONS.index(least)

    # ---- coming and going

    def _nick_taken(self, account: str, nick: str, own: str | None) -> bool:
        others = (
            holder
            for holder, person in self.people.items()
            if holder != own and person.account != account and alike(holder) == alike(nick)
        )
        reserved = any(alike(nick) == alike(r) and account != a for a, r in self.registered.items())
        return reserved or next(others, None) is not None

    def _settled(self, account: str, nick: str, own: str | None) -> str:
        """The nick one gets: that of another client of the account, where only the spelling differs."""
        for holder, person in self.people.items():
            if holder != own and person.account == account and alike(holder) == alike(nick):
                return holder
        return nick

    def join(self, client: str, nick: str, password: str) -> Refusal:
        """Enter; once more it changes the nick, save its spelling, which may be that of another client."""
        if (own := self.nick(client)) is not None:
            return set() if alike(own) == alike(nick) else self.rename(client, nick)
        account = account_of(client)
        affiliation = self.affiliation(account)
        settled = self._settled(account, nick, None)
        seats = self.max_users + (self.extra_users if self._is(account, "admin") else 0)
        refusal: Refusal = set()
        if affiliation == "outcast":
            refusal.add("forbidden")
        if self.locked and affiliation != "owner":
            refusal.add("item-not-found")
        if self.members_only and not self._is(account, "member"):
            refusal.add("registration-required")
        if self.password and password != self.password:
            refusal.add("not-authorized")
        if self._nick_taken(account, nick, None):
            refusal.add("conflict")
        if settled not in self.people and len(self.people) >= seats:
            refusal.add("service-unavailable")
        if refusal:
            return refusal
        if settled in self.people:
            self.people[settled].clients.append(client)
        else:
            role = FIRST_ROLE[affiliation][self.moderated]
            self.people[settled] = Person(account, role, [client])
        return set()

    def rename(self, client: str, nick: str) -> Refusal:
        """Change the nick of an occupant; where its account has that already, the two become one."""
        own = self.nick(client)
        assert own is not None
        person = self.people[own]
        if nick != own:
            if self._nick_taken(person.account, nick, own):
                return {"conflict"}
            settled = self._settled(person.account, nick, own)
            del self.people[own]
            if settled in self.people:
                self.people[settled].clients += person.clients
            else:
                self.people[settled] = person
        return set()

    def leave(self, client: str) -> None:
        """Leave."""
        nick = self.nick(client)
        if nick is not None:
            self.people[nick].clients.remove(client)
            if not self.people[nick].clients:
                del self.people[nick]

    # ---- speaking

    def say(self, client: str, body: str) -> Refusal:
        """Say something to all."""
        nick = self.nick(client)
        if nick is None:
            return {"not-acceptable"} | ({"item-not-found"} if self.locked else set())
        if self.people[nick].role == "visitor":
            return {"forbidden"}
        self.said.append(body)
        self._trim()
        return set()

    def name_subject(self, client: str) -> Refusal:
        """Change the subject."""
        nick = self.nick(client)
        if nick is None:
            return {"not-acceptable"} | ({"item-not-found"} if self.locked else set())
        role = self.people[nick].role
        allowed = role == "moderator" or (role == "participant" and self.change_subject)
        return set() if allowed else {"forbidden"}

    def whisper(self, client: str, to: str) -> Refusal:
        """Say something to one."""
        nick = self.nick(client)
        if nick is None:
            return {"not-acceptable"} | ({"item-not-found"} if self.locked else set())
        refusal = set() if self.people[nick].role in PRIVATE_BY[self.allow_pm] else {"forbidden"}
        return refusal if to in self.people else refusal | {"item-not-found"}

    def _trim(self) -> None:
        self.said = self.said[max(0, len(self.said) - self.history) :]

    # ---- ruling

    def administer(self, client: str, items: list[Item]) -> Refusal:
        """Change roles and affiliations: all, or none."""
        account = account_of(client)
        if self.locked and self.affiliation(account) != "owner" and self.nick(client) is None:
            return {"item-not-found"}
        refusal = set[str]().union(*(self._refused(account, item) for item in items))
        if not refusal and not self._leaves_owner(items):
            refusal = {"conflict"}
        if refusal:
            return refusal
        for item in items:
            if item[0] == "role":
                self._give_role(item[1], item[2])
        for item in items:
            if item[0] == "affiliation":
                self._give_affiliation(item[1], item[2])
        return set()

    def _refused(self, account: str, item: Item) -> Refusal:
        kind, whom, wanted = item
        by = self.affiliation(account)
        if kind == "affiliation":
            through = whom == account or (account.endswith(f"@{whom}") and account not in self.affiliations)
            if through and wanted == "outcast":
                return _DENIED
            return set() if may_change_affiliation(by, self.affiliation(whom), wanted) else _DENIED
        person = self.people.get(whom)
        if person is None:
            return {"item-not-found", "bad-request"}
        if person.account == account and wanted == "none":
            return _DENIED
        acting = self.role(account)
        of = self.affiliation(person.account)
        return set() if may_change_role(acting, by, of, person.role, wanted) else _DENIED

    def _leaves_owner(self, items: list[Item]) -> bool:
        after = self.affiliations | {whom: wanted for kind, whom, wanted in items if kind == "affiliation"}
        return "owner" in after.values()

    def _give_role(self, nick: str, role: str) -> None:
        if role == "none":
            del self.people[nick]
        else:
            self.people[nick].role = role

    def _give_affiliation(self, whom: str, affiliation: str) -> None:
        before = {nick: self.affiliation(person.account) for nick, person in self.people.items()}
        self.affiliations.pop(whom, None)
        if affiliation != "none":
            self.affiliations[whom] = affiliation
        if affiliation in ("none", "outcast"):
            self.registered.pop(whom, None)
        for nick, was in before.items():
            person = self.people[nick]
            now = self.affiliation(person.account)
            if now == "outcast" or (self.members_only and not self._is(person.account, "member")):
                del self.people[nick]
            else:
                person.role = role_after(person.role, was, now, self.moderated)

    def configure(self, client: str, changes: dict[str, object]) -> Refusal:
        """Take another configuration."""
        if self.affiliation(account_of(client)) != "owner":
            return {"forbidden", "item-not-found"} if self.locked else {"forbidden"}
        was_moderated = self.moderated
        for name, value in changes.items():
            assert hasattr(self, name)
            setattr(self, name, value)
        self.locked = False
        self._trim()
        if self.members_only:
            self.people = {n: p for n, p in self.people.items() if self._is(p.account, "member")}
        for person in self.people.values():
            if was_moderated and not self.moderated and person.role == "visitor":
                person.role = "participant"  # where nobody can be asked for voice any more
        return set()

    def destroy(self, client: str) -> Refusal:
        """End the room."""
        if self.affiliation(account_of(client)) != "owner":
            return {"forbidden", "item-not-found"} if self.locked else {"forbidden"}
        self.people.clear()
        return set()
