"""A room under random requests, beside a model of it.

Whatever is asked for: what the tables forbid is refused and changes nothing; the room is what the model is;
and each client has been told exactly the roster that it shall see. Runs for long with
``python -m tests.muc.machine --minutes 60``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.muc import rules
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.namespaces import MUC, MUC_ADMIN, MUC_OWNER, MUC_ROOM_CONFIG, STANZA_ERRORS
from burble.stanza import Iq, Message, Presence, Stanza
from burble.xml import Element
from tests.muc.model import Item, Model, Refusal, account_of
from tests.muc.rooms import NOW, ROOM, picture
from tests.muc.sight import Sight
from tests.muc.tables import AFFILIATIONS, ROLES

_DOMAINS = ("capulet.example", "montague.example")
ACCOUNTS = [f"{name}@{_DOMAINS[0]}" for name in ("juliet", "nurse", "tybalt")]
ACCOUNTS += [f"{name}@{_DOMAINS[1]}" for name in ("romeo", "benvolio", "abram")]
CLIENTS = [f"{account}/{resource}" for account in ACCOUNTS for resource in ("home", "phone")]
OWNER = CLIENTS[0]
#: Some that look alike.
NICKS = ["Juliet", "Nurse", "Tybalt", "Romeo", "romeo", "the  Nurse", "The Nurse", "Abram"]


def _choose(choices: Callable[[Model], list[str]]) -> st.SearchStrategy[str]:
    """One of what the room offers at that moment."""
    return st.runner().flatmap(lambda machine: st.sampled_from(choices(machine.model)))


def _inside(model: Model) -> list[str]:
    return [client for person in model.people.values() for client in person.clients]


def _mighty(model: Model) -> list[str]:
    return [client for client in CLIENTS if model.affiliation(account_of(client)) in ("admin", "owner")]


clients = st.sampled_from(CLIENTS)
# Requests of those who may make them, more often than of others: those are refused, and little comes of it.
insiders = _choose(lambda model: _inside(model) * 5 + CLIENTS)
powers = _choose(lambda model: _mighty(model) * 3 + _inside(model) * 2 + CLIENTS)
nicks = st.sampled_from(NICKS)
names = _choose(lambda model: [*model.people] * 3 + NICKS)
passwords = st.sampled_from(["", "cauldronburn"])
role_items = st.tuples(st.just("role"), names, st.sampled_from(ROLES))
affiliation_items = st.tuples(
    st.just("affiliation"), st.sampled_from(ACCOUNTS * 2 + [*_DOMAINS]), st.sampled_from(AFFILIATIONS)
)
items = st.lists(role_items | affiliation_items, min_size=1, max_size=3, unique_by=lambda item: item[:2])
shown = st.lists(st.sampled_from(ROLES[1:]), unique=True).map(frozenset)
configurations = st.fixed_dictionaries(
    {},
    optional={
        "members_only": st.booleans(),
        "moderated": st.booleans(),
        "change_subject": st.booleans(),
        "whois": st.sampled_from(["moderators", "anyone"]),
        "allow_pm": st.sampled_from(["anyone", "participants", "moderators", "none"]),
        "password": passwords,
        "max_users": st.sampled_from([2, 5, 200]),
        "history": st.integers(0, 5),
        "shown": shown,
    },
)

#: The field of each setting of the model (§16.5.3).
_FIELDS = {
    "members_only": "muc#roomconfig_membersonly",
    "moderated": "muc#roomconfig_moderatedroom",
    "change_subject": "muc#roomconfig_changesubject",
    "whois": "muc#roomconfig_whois",
    "allow_pm": "muc#roomconfig_allowpm",
    "password": "muc#roomconfig_roomsecret",
    "max_users": "muc#roomconfig_maxusers",
    "history": "muc#maxhistoryfetch",
    "shown": "muc#roomconfig_presencebroadcast",
}


class RoomMachine(RuleBasedStateMachine):
    """Clients of six accounts, two domains, and one room."""

    steps = 0
    """How many requests all machines have made."""

    def __init__(self) -> None:
        super().__init__()
        self.sights = {client: Sight(JID.parse(client)) for client in CLIENTS}
        self.number = 0
        self.ids: dict[str, str] = {}
        # While it is asked for several changes somebody may be a moderator for a moment.
        self.several = False

    @initialize(
        unlocked=st.sampled_from([True, True, True, False]),
        guests=st.lists(clients, unique=True, min_size=4),
        moderated=st.booleans(),
    )
    def furnish(self, unlocked: bool, guests: list[str], moderated: bool) -> None:
        """Somebody makes a room; most often it is open to others, and some are there."""
        self._make()
        self.join(OWNER, NICKS[0], "")
        if unlocked:
            self.configure(OWNER, {"moderated": moderated})
            for number, guest in enumerate(guests):
                self.join(guest, NICKS[number % len(NICKS)], "")

    def _make(self) -> None:
        self.room = Room(JID.parse(ROOM), RoomConfig(), b"secret")
        # As entering a room does that is not there (§10.1).
        self.room.locked = True
        self.room.grant(JID.parse(account_of(OWNER)), Affiliation.OWNER)
        self.model = Model(affiliations={account_of(OWNER): "owner"})

    # ---- requests

    @rule(client=clients, nick=nicks, password=passwords)
    def join(self, client: str, nick: str, password: str) -> None:
        inside = self.model.nick(client) is not None
        said = list(self.model.said)
        x = Element("x", MUC)
        if password:
            x.add("password", text=password)
        sent = self._ask(Presence, client, nick, lambda: self.model.join(client, nick, password), {}, x)
        if sent is not None:
            self.sights[client].check_entry(said, first=not inside)

    @rule(client=insiders, nick=names | nicks, show=st.sampled_from(["", "away", "dnd"]))
    def change_presence(self, client: str, nick: str, show: str) -> None:
        if self.model.nick(client) is None:
            self._ask(Presence, client, nick, set, {})
            return
        children = [Element("show", "jabber:client", None, show)] if show else []
        self._ask(Presence, client, nick, lambda: self.model.rename(client, nick), {}, *children)

    @precondition(lambda self: self.number % 3 == 2)
    @rule(client=insiders, vanished=st.booleans())
    def leave(self, client: str, vanished: bool) -> None:
        if vanished:  # it can't be reached any more: what is sent to it comes back (§11.1)
            error = Element("error", "jabber:client", {"type": "cancel"})
            error.add("service-unavailable", STANZA_ERRORS)
            self._ask(Message, client, "", lambda: self._left(client), {"type": "error"}, error)
        else:
            self._ask(Presence, client, "", lambda: self._left(client), {"type": "unavailable"})

    @rule(client=insiders)
    def say(self, client: str) -> None:
        text = self._text()
        before = {c: len(sight.said) for c, sight in self.sights.items()}
        body = Element("body", "jabber:client", None, text)
        attrs = {"type": "groupchat"}
        if self._ask(Message, client, "", lambda: self.model.say(client, text), attrs, body) is not None:
            for c, sight in self.sights.items():
                wanted = [text] if self.model.nick(c) is not None else []
                assert sight.said[before[c] :] == wanted, f"{c} has read {sight.said[before[c] :]}"

    @rule(client=insiders)
    def name_subject(self, client: str) -> None:
        subject = Element("subject", "jabber:client", None, self._text())
        self._ask(
            Message, client, "", lambda: self.model.name_subject(client), {"type": "groupchat"}, subject
        )

    @rule(client=insiders, to=names)
    def whisper(self, client: str, to: str) -> None:
        text = self._text()
        body = Element("body", "jabber:client", None, text)
        if self._ask(Message, client, to, lambda: self.model.whisper(client, to), {"type": "chat"}, body):
            heard = {c for c, sight in self.sights.items() if text in sight.whispered}
            assert heard == set(self.model.people[to].clients)

    @rule(client=powers, item=role_items)
    def give_role(self, client: str, item: Item) -> None:
        self.administer(client, [item])

    @rule(client=powers, item=affiliation_items)
    def give_affiliation(self, client: str, item: Item) -> None:
        self.administer(client, [item])

    @rule(client=powers, items=items)
    def administer(self, client: str, items: list[Item]) -> None:
        query = Element("query", MUC_ADMIN)
        changes: list[Item] = []
        for kind, whom, wanted in items:
            person = self.model.people.get(whom)
            if kind == "role" and person is not None and person.role == wanted:
                continue  # no change, of which the tables say nothing
            changes.append((kind, whom, wanted))
            query.add("item", attrs={kind: wanted, "nick" if kind == "role" else "jid": whom})
        if changes:
            self.several = len(changes) > 1
            self._set(client, query, lambda: self.model.administer(client, changes))
            self.several = False

    @rule(client=powers, changes=configurations)
    def configure(self, client: str, changes: dict[str, Any]) -> None:
        form = Element("x", "jabber:x:data", {"type": "submit"})
        fields: dict[str, list[str]] = {"FORM_TYPE": [MUC_ROOM_CONFIG]}
        for name, value in changes.items():
            if isinstance(value, frozenset):
                fields[_FIELDS[name]] = sorted(value)
            else:
                fields[_FIELDS[name]] = [str(int(value)) if isinstance(value, bool) else str(value)]
        if "password" in changes:
            fields["muc#roomconfig_passwordprotectedroom"] = [str(int(bool(changes["password"])))]
        for var, values in fields.items():
            fld = form.add("field", attrs={"var": var})
            for value in values:
                fld.add("value", text=value)
        query = Element("query", MUC_OWNER, None, form)
        self._set(client, query, lambda: self.model.configure(client, changes))

    @precondition(lambda self: self.number % 13 == 12)
    @rule(client=powers)
    def destroy(self, client: str) -> None:
        query = Element("query", MUC_OWNER)
        query.add("destroy")
        if self._set(client, query, lambda: self.model.destroy(client)) is not None:
            assert self.room.destroyed
            for sight in self.sights.values():
                assert sight.nick is None, f"{sight.client} was not told of the end of the room"
            self._make()

    # ---- how they are made

    def _text(self) -> str:
        return f"line {self.number}"

    def _left(self, client: str) -> Refusal:
        self.model.leave(client)
        return set()

    def _set(self, client: str, query: Element, expect: Callable[[], Refusal]) -> list[Stanza] | None:
        return self._ask(Iq, client, "", expect, {"type": "set"}, query)

    def _ask(
        self,
        kind: type[Message | Presence | Iq],
        client: str,
        nick: str,
        expect: Callable[[], Refusal],
        attrs: dict[str, str],
        *children: Element,
    ) -> list[Stanza] | None:
        """Send a stanza to the room; returns what came of it, or None where it was refused as expected."""
        RoomMachine.steps += 1
        self.number += 1
        to = JID.parse(f"{ROOM}/{nick}" if nick else ROOM)
        stanza = kind(to, JID.parse(client), attrs | {"id": f"id{self.number}"}, *children)
        before, saw = picture(self.room), self._addresses_seen()
        standings = dict(self.model.affiliations)
        for sight in self.sights.values():
            sight.log.clear()
        refusal = expect()
        refused: StanzaError | None = None
        try:
            sent = rules.receive(self.room, stanza, NOW + self.number)
        except StanzaError as error:
            refused = error
        if refused is not None:
            assert refused.condition in refusal, f"{refused} instead of {refusal or 'being done'}"
            assert picture(self.room) == before
            return None
        assert not refusal, f"done, though it must be refused with one of {refusal}"
        self._deliver(sent, saw)
        changed = {jid for jid, _ in standings.items() ^ self.model.affiliations.items()}
        assert changed <= {whose for part, whose in self.room.unsaved if part == "affiliation"}
        self.room.unsaved.clear()
        return sent

    def _addresses_seen(self) -> set[str]:
        """The clients to which real addresses are shown now."""
        people = self.model.people.values()
        return {client for p in people if self.model.sees_addresses(p.role) for client in p.clients}

    def _deliver(self, sent: list[Stanza], saw: set[str]) -> None:
        sees = self._addresses_seen()
        for stanza in sent:
            assert stanza.to is not None
            assert stanza.from_ is not None
            assert stanza.from_.bare == ROOM
            assert stanza.to_bytes(), "it can be sent"
            if stanza.to not in self.sights:  # an invitation, for instance
                assert not isinstance(stanza, Presence)
                continue
            discreet = self.model.whois != "anyone" and stanza.to not in saw | sees
            if isinstance(stanza, Presence) and discreet and not self.several:
                self._check_discretion(stanza)
            self.sights[stanza.to].take(stanza)

    @staticmethod
    def _check_discretion(presence: Presence) -> None:
        """Who may not know real addresses must not learn any but its own (§4.2)."""
        assert presence.to is not None
        shown = presence.to_string()
        for account in ACCOUNTS:
            assert account == presence.to.bare or account not in shown, f"{presence.to} learns {account}"

    # ---- what always holds

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        self._the_room_is_what_the_model_is()
        self._there_is_an_owner()
        self._every_client_sees_the_roster_it_shall_see()
        self._an_occupant_id_stands_for_one_account()

    def _the_room_is_what_the_model_is(self) -> None:
        people = {
            nick: (str(person.account), str(person.role), set(person.sessions))
            for nick, person in self.room.occupants.items()
        }
        expected = {
            nick: (person.account, person.role, set(person.clients))
            for nick, person in self.model.people.items()
        }
        assert people == expected, f"{people} instead of {expected}"
        assert {jid: str(held.affiliation) for jid, held in self.room.standings.items()} == (
            self.model.affiliations
        )
        assert self.room.present == {
            client: occupant for occupant in self.room.occupants.values() for client in occupant.sessions
        }
        assert self.room.locked == self.model.locked

    def _there_is_an_owner(self) -> None:
        assert Affiliation.OWNER in {standing.affiliation for standing in self.room.standings.values()}

    def _every_client_sees_the_roster_it_shall_see(self) -> None:
        for client, sight in self.sights.items():
            nick = self.model.nick(client)
            assert sight.nick == nick
            expected = {} if nick is None else self.model.roster(nick)
            roster = {other: (seen.affiliation, seen.role) for other, seen in sight.roster.items()}
            assert roster == expected, f"{client} sees {roster} instead of {expected}"

    def _an_occupant_id_stands_for_one_account(self) -> None:
        for sight in self.sights.values():
            for nick, seen in sight.roster.items():
                account = self.model.people[nick].account
                assert seen.id
                assert self.ids.setdefault(account, seen.id) == seen.id
        assert len(set(self.ids.values())) == len(self.ids)


def main() -> None:
    """Run until the time is over or something is found."""
    parser = argparse.ArgumentParser(prog="python -m tests.muc.machine", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    end = time.monotonic() + 60 * parser.parse_args().minutes
    patient = settings(
        max_examples=400,
        stateful_step_count=100,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    while time.monotonic() < end:
        run_state_machine_as_test(RoomMachine, settings=patient)
        left = max(0.0, end - time.monotonic()) / 60
        print(f"{RoomMachine.steps:,} requests, nothing found; {left:.0f} minutes left", file=sys.stderr)


if __name__ == "__main__":
    main()
