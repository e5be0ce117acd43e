"""XEP-0030: tell what the server and its accounts are, what they can do, and what belongs to them."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from burble.config.fields import expected
from burble.discovery import Identity, Info
from burble.errors import StanzaError
from burble.forms import Form
from burble.jid import JID
from burble.module import Module, ModuleSettings, iq, on
from burble.modules.roster.access import may_see_presence
from burble.namespaces import DISCO_INFO, DISCO_ITEMS, SERVER_INFO
from burble.routing.events import DescribeHost, ItemsRequested, ModulesChanged, NodeInfoRequested
from burble.stanza import Iq
from burble.xml import Element

_URI: Final = re.compile("[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")  # RFC 3986 §3: a scheme, then no spaces

Contact = Literal["abuse", "admin", "feedback", "sales", "security", "status", "support"]


def _uri(text: str) -> str:
    if not _URI.fullmatch(text):
        raise expected("a URI such as mailto:abuse@example.org or xmpp:admin@example.org")
    return text


class Disco(Module):
    """Answers disco#info and disco#items for the server and its accounts.

    What they can do are the features of the loaded modules. The events `DescribeHost`, `NodeInfoRequested`
    and `ItemsRequested` let modules add the rest.
    """

    features = (DISCO_INFO, DISCO_ITEMS)
    account_features = (DISCO_INFO, DISCO_ITEMS)

    class Settings(ModuleSettings):
        """Whom to turn to."""

        contacts: dict[Contact, list[Annotated[str, AfterValidator(_uri)]]] = Field(
            default={},
            description="Where to reach those who run this server (XEP-0157): URIs by the kind of concern, "
            'such as `abuse = ["mailto:abuse@example.org"]`.',
        )

    async def start(self) -> None:
        """Nothing is known before somebody asks: other modules are still to be loaded."""
        self._known: DescribeHost | None = None

    async def configure(self, settings: ModuleSettings) -> None:
        """Take other contact addresses: what the server says changes, and its hash (XEP-0115) with it."""
        await super().configure(settings)
        await self.host.emit(ModulesChanged())

    @on(ModulesChanged, priority=100)
    def forget(self, event: ModulesChanged) -> None:
        """What the host can do is put together anew when it is asked for."""
        self._known = None

    def describe(self) -> DescribeHost:
        """What the server and its accounts are, kept until a module is loaded or unloaded."""
        if self._known is None:
            server = Info([Identity("server", "im", name="Burble")], list(self.host.features))
            account = Info([Identity("account", "registered")], list(self.host.account_features))
            server.forms += self.contact_forms()
            self._known = DescribeHost(server, account)
            self.host.hooks.emit(self._known)
        return self._known

    def contact_forms(self) -> list[Form]:
        """Where to reach those who run the server (XEP-0157 §2): one form, or none where that is not told."""
        if not self.settings.contacts:
            return []
        form = Form("result", SERVER_INFO)
        for kind, addresses in self.settings.contacts.items():
            form.add(f"{kind}-addresses", "list-multi", value=addresses)
        return [form]

    # ---- info

    @iq(DISCO_INFO, "query", type="get")
    async def server_info(self, request: Iq) -> Element:
        """Tell what the server is, or one of its nodes (§3).

        Raises:
            StanzaError: item-not-found where there is no such node.
        """
        node = _node(request)
        return await self._node_info(request, node) if node else self.describe().server.to_element()

    @iq(DISCO_INFO, "query", to="account", type="get", owner_only=False)
    async def account_info(self, request: Iq) -> Element:
        """Tell what an account is, or one of its nodes, to those who may see its presence (§3.1).

        Raises:
            StanzaError: service-unavailable for everybody else, as where there is no account (§8);
                item-not-found where there is no such node.
        """
        if not await self._may_see(request):
            raise StanzaError("service-unavailable", "nothing here answers this request")
        node = _node(request)
        if node:
            return await self._node_info(request, node)
        info = self.describe().account
        if self.host.sessions.is_anonymous(_account(request).local):
            info = Info([Identity("account", "anonymous")], info.features, info.forms)
        return info.to_element()

    async def _node_info(self, request: Iq, node: str) -> Element:
        event = NodeInfoRequested(request, node)
        await self.host.emit(event)
        if event.info is None:
            raise StanzaError("item-not-found", "there is no such node")
        return event.info.to_element(node)

    # ---- items

    @iq(DISCO_ITEMS, "query", type="get")
    async def server_items(self, request: Iq) -> Element:
        """List the services of the host, and what modules add (§4).

        Raises:
            StanzaError: item-not-found where there is no such node.
        """
        event = ItemsRequested(request, _node(request))
        if not event.node:
            for domain in self.host.router.domains:
                if domain.partition(".")[2] == self.host.name:
                    event.add(domain)
        await self.host.emit(event)
        if event.items is None:
            raise StanzaError("item-not-found", "there is no such node")
        return _items(event)

    @iq(DISCO_ITEMS, "query", to="account", type="get", owner_only=False, any_account=True)
    async def account_items(self, request: Iq) -> Element:
        """List an account's available resources to those who may see its presence, and what modules add (§4).

        Others get an empty list, as they do where there is no account (§8).

        Raises:
            StanzaError: item-not-found where there is no such node, to those who may see the presence.
        """
        event = ItemsRequested(request, _node(request))
        trusted = await self._may_see(request)
        if trusted and not event.node:
            for session in self.host.sessions.of(_account(request).local):
                if session.presence is not None:
                    event.add(session.jid)
        await self.host.emit(event)
        if event.items is None and trusted:
            raise StanzaError("item-not-found", "there is no such node")
        return _items(event)

    async def _may_see(self, request: Iq) -> bool:
        assert request.from_ is not None
        return await may_see_presence(self.host, _account(request), request.from_)


def _account(request: Iq) -> JID:
    assert request.to is not None
    return request.to


def _node(request: Iq) -> str:
    assert request.payload is not None
    return request.payload.get("node") or ""


def _items(event: ItemsRequested) -> Element:
    query = Element("query", DISCO_ITEMS, {"node": event.node} if event.node else None)
    query.children += event.items or []
    return query
