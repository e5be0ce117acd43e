"""A user with slixmpp."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import StanzaPath

from tests.clients.user import PASSWORD, PATIENCE, Happenings, Received, User, bare


class SlixmppUser(User):
    """slixmpp on the test's own event loop; the server's certificate is all it trusts."""

    _client: slixmpp.ClientXMPP | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._happened = Happenings()

    async def register(self) -> None:
        client = self._make()
        client.plugin["xep_0077"].force_registration = True

        async def fill_in(_form: slixmpp.Iq) -> None:
            iq = client.Iq()
            iq["type"] = "set"
            iq["register"]["username"] = self.name
            iq["register"]["password"] = PASSWORD
            await iq.send()

        client.add_event_handler("register", fill_in)
        await self._run(client)
        await client.disconnect()

    async def log_in(self) -> None:
        client = self._client = self._make()
        happened = self._happened = Happenings()
        for event in ("message", "presence"):
            client.add_event_handler(event, self._heard)
        for event in ("groupchat_invite", "groupchat_direct_invite"):
            client.add_event_handler(event, self._invited)
        # For some of what a room sends slixmpp has no event.
        for kind in ("message", "presence"):
            client.register_handler(Callback(f"room {kind}", StanzaPath(kind), self._told))
        client.add_event_handler(
            "roster_update", lambda iq: happened.add(kind="roster", set=iq["type"] == "set")
        )
        client.add_event_handler("disconnected", lambda _: happened.end())
        await self._run(client)
        await client.get_roster(timeout=PATIENCE)
        client.send_presence()
        await happened.take(
            lambda h: h["kind"] == "presence" and h["from"] == str(client.boundjid), "the own presence"
        )

    async def log_out(self) -> None:
        assert self._client is not None
        await self._client.disconnect()
        self._client = None

    async def close(self) -> None:
        if self._client is not None:
            await self.log_out()

    async def add(self, contact: str, name: str) -> None:
        assert self._client is not None
        await self._client.update_roster(contact, name=name)
        await self._happened.take(lambda h: h["kind"] == "roster" and h["set"], "a roster push")

    async def roster(self) -> dict[str, str]:
        assert self._client is not None
        self._client.client_roster.version = ""  # not only what has changed (RFC 6121 §2.6)
        answer = await self._client.get_roster(timeout=PATIENCE)
        return {str(jid): item["subscription"] for jid, item in answer["roster"]["items"].items()}

    async def befriend(self, contact: str) -> None:
        assert self._client is not None
        self._client.send_presence(pto=contact, ptype="subscribe")
        await self._happened.take(lambda h: h["kind"] == "roster" and h["set"], "a roster push")

    async def accept(self, contact: str) -> None:
        assert self._client is not None
        await self._presence(contact, "subscribe")
        self._client.send_presence(pto=contact, ptype="subscribed")

    async def sees(self, contact: str, *, online: bool) -> None:
        await self._presence(contact, "available" if online else "unavailable")

    async def send(self, contact: str, body: str) -> None:
        assert self._client is not None
        self._client.send_message(mto=contact, mbody=body, mtype="chat")
        await self.roster()

    async def receive(self, sender: str) -> Received:
        message = await self._happened.take(
            lambda h: h["kind"] == "message" and bare(h["from"]) == sender, f"a message from {sender}"
        )
        return Received(sender, message["body"], bool(message["stamp"]))

    @property
    def client(self) -> slixmpp.ClientXMPP:
        """slixmpp itself, while logged in."""
        assert self._client is not None
        return self._client

    async def happens(self, **wanted: object) -> dict[str, Any]:
        """Wait for something of which so much is known; see `_told` and `_invited`."""
        return await self._happened.take(
            lambda h: all(key in h and h[key] == value for key, value in wanted.items()), str(wanted)
        )

    async def _presence(self, contact: str, type_: str) -> None:
        await self._happened.take(
            lambda h: h["kind"] == "presence" and bare(h["from"]) == contact and h["type"] == type_,
            f"presence {type_} from {contact}",
        )

    def _heard(self, stanza: slixmpp.Message | slixmpp.Presence) -> None:
        kind = stanza.name
        details = {"body": stanza["body"], "stamp": stanza["delay"]["stamp"]} if kind == "message" else {}
        self._happened.add(kind=kind, **{"from": str(stanza["from"]), "type": stanza["type"]}, **details)

    def _told(self, stanza: slixmpp.Message | slixmpp.Presence) -> None:
        if stanza["from"].domain.startswith("conference."):
            details = {"from": str(stanza["from"]), "type": stanza["type"], "stanza": stanza}
            if stanza.name == "message":
                details["body"] = stanza["body"]
            self._happened.add(kind=f"room {stanza.name}", **details)

    def _invited(self, message: slixmpp.Message) -> None:
        """A mediated invitation comes from the room, a direct one from who invites."""
        self._happened.add(kind="invitation", **{"from": str(message["from"]), "stanza": message})

    def _make(self) -> slixmpp.ClientXMPP:
        client = slixmpp.ClientXMPP(
            self.jid,
            PASSWORD,
            ssl_context=ssl.create_default_context(cafile=str(self.server.certificate)),
        )
        client.enable_direct_tls = self.direct_tls
        client.enable_starttls = not self.direct_tls
        client.enable_plaintext = False
        client.auto_authorize = None  # leave requests to the user: neither grant nor deny
        client.auto_subscribe = False
        for plugin in ("xep_0203", "xep_0045", "xep_0077", "xep_0249"):
            client.register_plugin(plugin)
        return client

    async def _run(self, client: slixmpp.ClientXMPP) -> None:
        """Connect and log in."""
        loop = asyncio.get_running_loop()
        started: asyncio.Future[None] = loop.create_future()

        def failed(reason: object) -> None:
            if not started.done():
                started.set_exception(ConnectionError(f"{self.jid}: {reason}"))

        client.add_event_handler("session_start", lambda _: started.set_result(None))
        for event in ("failed_all_auth", "connection_failed", "disconnected"):
            client.add_event_handler(event, failed)
        client.connect("127.0.0.1", self.port)
        async with asyncio.timeout(PATIENCE):
            await started
        assert client.transport is not None
        assert client.transport.get_extra_info("ssl_object") is not None
