"""The functions of Social Stream's `emanagement`, over the commands of the server.

That a user has no roster, or is not connected, is told as the original tells it; what the server refuses is
an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from glob import escape
from typing import Any, Final

from burble.faces.client import NotRunning
from burble.faces.options import FAILED, WRONG_ARGUMENTS, Ended
from burble.xml import escape_text

__all__ = ["FUNCTIONS", "Ask", "Emanagement", "Output"]

Output = str | bool | Iterable[str]
Ask = Callable[..., Any]
"""Calls a command: its name, its arguments; returns the result as JSON has it."""

_DONE: Final = "Done"
_LINE: Final = "-" * 37
_HEADING: Final = "-" * 24


class Emanagement:
    """The functions. Each returns what is to be printed.

    Args:
        ask: calls the commands of the server; raises `Ended` where that does not work.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    # ---- rosters

    def add_buddy(self, user: str, buddy: str, nick: str, group: str, subscription: str) -> Output:
        """Put a contact into a roster."""
        self._ask("add_rosteritem", *_parts(user), *_parts(buddy), nick, group, subscription)
        return _DONE

    def remove_buddy(self, user: str, buddy: str) -> Output:
        """Take a contact out of a roster."""
        if not self._has(user, buddy):
            return f"User {buddy} not found in {user} roster."
        self._ask("delete_rosteritem", *_parts(user), *_parts(buddy))
        return _DONE

    def link(self, a: str, b: str, nick_a: str, nick_b: str, group_a: str, group_b: str) -> Output:
        """Put two users into each other's rosters, subscribed both ways."""
        self.add_buddy(a, b, nick_b, group_b, "both")
        self.add_buddy(b, a, nick_a, group_a, "both")
        return _DONE

    def unlink(self, user: str, friend: str, nick: str, group: str) -> Output:
        """Undo it: the user still follows the former friend."""
        if not self.linked(user, friend):
            return f"{user} and {friend} aren't bidireccional buddys"
        self.remove_buddy(user, friend)
        self.remove_buddy(friend, user)
        self.add_buddy(user, friend, nick, group, "to")
        return _DONE

    def linked(self, a: str, b: str) -> bool:
        """Whether two users have each other in their rosters."""
        return self._has(a, b) and self._has(b, a)

    def roster(self, user: str) -> Output:
        """A roster: a line for each contact, and for each group it is in."""
        return self._roster(user) or f"Roster not found for user {user}"

    def has_roster(self, user: str) -> bool:
        """Whether anybody is in the roster of a user."""
        return bool(self._contacts(user))

    def remove_roster(self, user: str) -> Output:
        """Empty a roster."""
        if not self.has_roster(user):
            return f"Roster not found for userJid {user}"
        self._ask("process_rosteritems", "delete", "any", "any", escape(user), "any")
        return _DONE

    def remove_rosters(self, domain: str = "all") -> Output:
        """Empty all rosters of a domain."""
        self._ask("process_rosteritems", "delete", "any", "any", _all_of(domain), "any")
        return _DONE

    def users(self, domain: str = "all") -> list[str]:
        """The users of a domain who have anybody in their rosters."""
        return list(dict.fromkeys(user for user, _ in self._pairs(domain)))

    def print_rosters(self, domain: str) -> Output:
        """The rosters of a domain, each under the name of its user."""
        return self._rosters(domain, lambda user: user.partition("@")[0])

    def print_all_rosters(self) -> Output:
        """All rosters, each under the address of its user."""
        return self._rosters("all", str)

    def print_links(self, domain: str) -> Iterator[str]:
        """The pairs of users of a domain who have each other in their rosters."""
        pairs = set(self._pairs(domain))
        yield "This may take a while..."
        yield from (f"[{a},{b}]" for a, b in sorted(pairs) if a < b and (b, a) in pairs)
        yield _DONE

    # ---- sessions, and what is sent

    def is_started(self) -> bool:
        """Whether the server runs."""
        try:
            self._ask("status")
        except NotRunning:
            return False
        return True

    def connected(self, domain: str = "all") -> list[str]:
        """The users who are connected, once for each session."""
        jids = (jid.partition("/")[0] for jid in self._ask("connected_users"))
        return [jid for jid in jids if domain == "all" or jid.endswith(f"@{domain.lower()}")]

    def resource(self, user: str) -> str:
        """The first resource of a user."""
        resources: list[str] = self._ask("user_resources", *_parts(user))
        return resources[0] if resources else _not_connected(user)

    def kick(self, user: str) -> Output:
        """End the sessions of a user."""
        if not self._ask("user_resources", *_parts(user)):
            raise Ended(FAILED, _not_connected(user))
        self._ask("kick_user", *_parts(user))
        return _DONE

    def set_presence(self, user: str) -> Output:
        """Have a connected user be available."""
        return self._present(user, "<presence/>")

    def unset_presence(self, user: str) -> Output:
        """Have a connected user be unavailable."""
        return self._present(user, "<presence type='unavailable'/>")

    def send_presence(self, user: str, show: str) -> Output:
        """Have a connected user show something, such as ``away``."""
        return self._present(user, f"<presence><show>{escape_text(show)}</show></presence>")

    def send_message(self, sender: str, user: str, text: str) -> Output:
        """Send a chat message."""
        self._ask("send_message_chat", sender, user, text)
        return _DONE

    def broadcast(self, sender: str, users: str, text: str) -> Output:
        """Send a chat message to several users."""
        for user in _listed(users):
            self.send_message(sender, user, text)
        return _DONE

    def broadcast_to_connected(self, sender: str, users: str, text: str) -> Output:
        """Send a chat message to those of several users who are connected, or to ``all`` who are."""
        connected = list(dict.fromkeys(self.connected()))
        wanted = connected if users == "all" else _listed(users)
        for user in wanted:
            if user.lower() in connected:
                self.send_message(sender, user, text)
        return _DONE

    # ---- rooms

    def create_room(self, room: str, domain: str) -> Output:
        """Make a room."""
        self._ask("create_room", room, _service(domain), domain)
        return _DONE

    def create_persistent_room(self, room: str, domain: str) -> Output:
        """Make a room that stays when it is empty."""
        self.create_room(room, domain)
        self._ask("change_room_option", room, _service(domain), "persistent", "true")
        return _DONE

    def destroy_room(self, room: str, domain: str) -> Output:
        """Destroy a room."""
        self._ask("destroy_room", room, _service(domain))
        return _DONE

    def destroy_rooms(self, domain: str = "all") -> Output:
        """Destroy all rooms of a domain."""
        for jid in self.rooms(domain):
            self._ask("destroy_room", *_parts(jid))
        return _DONE

    def rooms(self, domain: str = "all") -> list[str]:
        """The rooms of a domain."""
        found: list[str] = self._ask("muc_online_rooms", "global" if domain == "all" else _service(domain))
        return found

    def occupants(self, room: str, domain: str) -> Output:
        """Who is in a room."""
        found = self._ask("get_room_occupants", room, _service(domain))
        return [each["jid"].partition("/")[0] for each in found]

    def affiliations(self, room: str, domain: str) -> Iterator[str]:
        """Who has an affiliation with a room: a line for the user, one for the affiliation."""
        for each in self._ask("get_room_affiliations", room, _service(domain)):
            yield each["jid"]
            yield each["affiliation"]

    def set_affiliation(self, room: str, domain: str, user: str, affiliation: str) -> Output:
        """Give a user an affiliation with a room."""
        self._ask("set_room_affiliation", room, _service(domain), *_parts(user), affiliation.lower())
        return _DONE

    # ---- help

    def help(self) -> Iterator[str]:
        """The functions with their arguments."""
        yield from (_HEADING, "Command list", _HEADING)
        yield from (f"{name} {parameters}".rstrip() for name, (parameters, _) in FUNCTIONS.items())
        yield ""

    # ---- what they have in common

    def _contacts(self, user: str) -> list[dict[str, Any]]:
        address = _parts(user)
        if not self._ask("check_account", *address):
            return []
        contacts: list[dict[str, Any]] = self._ask("get_roster", *address)
        return contacts

    def _has(self, user: str, buddy: str) -> bool:
        return buddy.lower() in (contact["jid"] for contact in self._contacts(user))

    def _roster(self, user: str) -> list[str]:
        return [
            " ".join((contact["jid"], contact["nick"], contact["subscription"], contact["pending"], group))
            for contact in self._contacts(user)
            for group in contact["groups"] or [""]
        ]

    def _rosters(self, domain: str, title: Callable[[str], str]) -> Iterator[str]:
        for user in self.users(domain):
            yield from ("", _LINE, f"{title(user)} Roster", _LINE, *self._roster(user), _LINE, "")
        yield _DONE

    def _pairs(self, domain: str) -> list[tuple[str, str]]:
        found = self._ask("process_rosteritems", "list", "any", "any", _all_of(domain), "any")
        return [(pair["user"], pair["contact"]) for pair in found]

    def _present(self, user: str, presence: str) -> Output:
        resources = self._ask("user_resources", *_parts(user))
        if not resources:
            raise Ended(FAILED, _not_connected(user))
        self._ask("send_stanza_c2s", *_parts(user), resources[0], presence)
        return _DONE


FUNCTIONS: Final[dict[str, tuple[str, Callable[..., Output]]]] = {
    "addBuddyToRoster": ("userJid buddyJid buddyNick buddyGroup subscription_type", Emanagement.add_buddy),
    "removeBuddyFromRoster": ("userJid buddyJid", Emanagement.remove_buddy),
    "setBidireccionalBuddys": (
        "userAJid userBJid userANick userBNick groupForA groupForB",
        Emanagement.link,
    ),
    "unsetBidireccionalBuddys": ("userJid oldFriendJid oldFriendNick groupForOldFriend", Emanagement.unlink),
    "getRoster": ("userJid", Emanagement.roster),
    "removeRoster": ("userJid", Emanagement.remove_roster),
    "removeAllRostersByDomain": ("domain", Emanagement.remove_rosters),
    "removeAllRosters": ("", Emanagement.remove_rosters),
    "getAllUserJidsWithRosterByDomain": ("domain", Emanagement.users),
    "printAllRostersByDomain": ("domain", Emanagement.print_rosters),
    "printAllRosters": ("", Emanagement.print_all_rosters),
    "printAllBidirecctionalBuddysByDomain": ("domain", Emanagement.print_links),
    "checkUserJid": ("userJid", Emanagement.has_roster),
    "checkBidirecctionalBuddys": ("userAJid userBJid", Emanagement.linked),
    "sendPresence": ("userJid show", Emanagement.send_presence),
    "setPresence": ("userJid", Emanagement.set_presence),
    "unsetPresence": ("userJid", Emanagement.unset_presence),
    "sendMessageToUser": ("fromJid toJid msg", Emanagement.send_message),
    "getUserResource": ("userJid", Emanagement.resource),
    "isEjabberdNodeStarted": ("", Emanagement.is_started),
    "broadcast": ("admin userJids msg", Emanagement.broadcast),
    "broadcastToConnectedUsers": ("admin userJids msg", Emanagement.broadcast_to_connected),
    "getConnectedJidsByDomain": ("domain", Emanagement.connected),
    "getConnectedJids": ("", Emanagement.connected),
    "kickUserJid": ("userJid", Emanagement.kick),
    "createPersistentRoom": ("roomName domain", Emanagement.create_persistent_room),
    "createRoom": ("roomName domain", Emanagement.create_room),
    "destroyRoom": ("roomName domain", Emanagement.destroy_room),
    "destroyAllRoomsByDomain": ("domain", Emanagement.destroy_rooms),
    "destroyAllRooms": ("", Emanagement.destroy_rooms),
    "getAllJidsOfRoom": ("roomName domain", Emanagement.occupants),
    "getAffiliationsOfRoom": ("roomName domain", Emanagement.affiliations),
    "setJidAffiliationOfRoom": ("roomName domain jid affiliation", Emanagement.set_affiliation),
    "printAllRoomsByDomain": ("domain", Emanagement.rooms),
    "printAllRooms": ("", Emanagement.rooms),
    "help": ("", Emanagement.help),
}
"""The functions by name, each with the names of its arguments."""


def _parts(jid: str) -> tuple[str, str]:
    """The localpart and the domain of an address."""
    local, at, domain = jid.partition("@")
    if not (local and at and domain):
        raise Ended(WRONG_ARGUMENTS, f"{jid}: expected an address such as demo@localhost")
    return local, domain


def _all_of(domain: str) -> str:
    return "any" if domain == "all" else f"*@{escape(domain.lower())}"


def _service(domain: str) -> str:
    return f"conference.{domain}"


def _listed(users: str) -> list[str]:
    """The addresses in a list such as ``[a@localhost,b@localhost]``."""
    if not (users.startswith("[") and users.endswith("]")):
        raise Ended(WRONG_ARGUMENTS, f"{users}: expected a list such as [a@localhost,b@localhost]")
    return [user.strip() for user in users[1:-1].split(",") if user.strip()]


def _not_connected(user: str) -> str:
    return f"{user} no have any active session"
