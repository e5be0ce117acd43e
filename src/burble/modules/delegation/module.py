"""The module `delegation`: components that answer requests in the place of the server (XEP-0355, admin mode).

What an administrator has not delegated is never forwarded: accounts can't delegate anything themselves.
"""

from __future__ import annotations

from collections.abc import Callable

from burble.discovery import Info
from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.module import Module, ModuleSettings, on
from burble.modules.delegation.nesting import merge, read_info
from burble.modules.delegation.settings import ANY_INFO, ANY_ITEMS, DelegationSettings
from burble.namespaces import CLIENT, DELEGATION, DISCO_INFO, DISCO_ITEMS, FORWARD
from burble.routing.events import (
    ComponentConnected,
    ComponentGone,
    DescribeHost,
    ItemsRequested,
    ModulesChanged,
    NodeInfoRequested,
)
from burble.stanza import Iq, Message
from burble.xml import Element

__all__ = ["Delegation"]


class Delegation(Module):
    """Hands requests on to the components that are to answer them (XEP-0355)."""

    name = "delegation"
    features = (DELEGATION,)
    Settings = DelegationSettings

    settings: DelegationSettings

    async def start(self) -> None:
        """Hand on from now on, and tell the components that are connected."""
        self._under_way = 0
        # What each component can do for the server, and for its accounts.
        self._nested: dict[str, tuple[list[Info], list[Info]]] = {}
        self._delegate()

    async def stop(self) -> None:
        """Answer everything here again."""
        self._recall()

    async def configure(self, settings: ModuleSettings) -> None:
        """Take other options."""
        self._recall()
        await super().configure(settings)
        self._delegate()
        await self.host.emit(ModulesChanged())

    def _delegate(self) -> None:
        self._returns = [
            self.host.local.delegate(namespace, self._taker(JID.parse(entity), attributes))
            for namespace, entity, attributes in self.settings.delegated()
            if namespace not in (ANY_INFO, ANY_ITEMS)
        ]
        for entity in self.settings.entities:
            if entity in self.host.router.components:
                self._introduce(JID.parse(entity))

    def _recall(self) -> None:
        for take_off in self._returns:
            take_off()
        self._nested.clear()

    # ---- the components

    @on(ComponentConnected)
    def connected(self, event: ComponentConnected) -> None:
        """Tell a component what it answers, and ask what it can do (§4.2, §6.2)."""
        if event.domain in self.settings.entities:
            self._introduce(event.domain)

    @on(ComponentGone)
    async def gone(self, event: ComponentGone) -> None:
        """Announce no longer what it could do."""
        if self._nested.pop(event.domain, None) is not None:
            await self.host.emit(ModulesChanged())

    def _introduce(self, entity: JID) -> None:
        delegation = self.settings.entities[entity].element()
        if delegation is not None:
            self.host.router.route(Message(entity, self.host.jid, None, delegation))
            self.host.spawn(self._ask_what_it_can(entity))

    async def _ask_what_it_can(self, entity: JID) -> None:
        server: list[Info] = []
        account: list[Info] = []
        for namespace in list(self.settings.entities[entity].namespaces):
            if namespace not in (ANY_INFO, ANY_ITEMS):
                server += await self._info(entity, f"{DELEGATION}::{namespace}")
                account += await self._info(entity, f"{DELEGATION}:bare:{namespace}")
        if entity in self.host.router.components and entity in self.settings.entities:
            self._nested[entity] = server, account
            await self.host.emit(ModulesChanged())

    async def _info(self, entity: JID, node: str) -> list[Info]:
        query = Element("query", DISCO_INFO, {"node": node})
        try:
            answer = await self.host.local.ask(
                Iq(entity, None, {"type": "get"}, query), self.settings.timeout
            )
        except StanzaError:
            return []  # it has nothing to tell
        return [read_info(answer.payload)] if answer.payload is not None else []

    # ---- requests (§4.3)

    def _taker(self, entity: JID, attributes: list[str]) -> Callable[[Iq], bool]:
        def take(request: Iq) -> bool:
            payload = request.payload
            assert payload is not None
            if request.from_ is not None and request.from_.bare == entity:
                return False  # it asks the server itself (§4.3.1)
            if any(payload.get(attribute) is None for attribute in attributes):
                return False
            self.host.spawn(self._answer(entity, request))
            return True

        return take

    async def _answer(self, entity: JID, request: Iq) -> None:
        try:
            answer = await self._forward(entity, request)
        except StanzaError as error:
            waiting = self.host.router.bounce(request, error)
        else:
            waiting = self.host.router.route(answer)
        if waiting is not None:
            await waiting

    async def _forward(self, entity: JID, request: Iq) -> Iq:
        """Have a component answer a request.

        Returns:
            The result, or the error, as the asker gets it. The specification knows only results, but then
            nobody would learn why a request was refused.

        Raises:
            StanzaError: service-unavailable, where there is no answer or a wrong one; resource-constraint
                where there are too many requests.
        """
        if self._under_way >= self.settings.at_once:
            raise StanzaError("resource-constraint", "there are too many such requests; try again later")
        forwarded = Element("forwarded", FORWARD, None, request)
        wrapper = Iq(entity, None, {"type": "set"}, Element("delegation", DELEGATION, None, forwarded))
        self._under_way += 1
        try:
            answer = await self.host.local.ask(wrapper, self.settings.timeout)
        except StanzaError:
            raise StanzaError("service-unavailable", "whoever answers this does not do it now") from None
        finally:
            self._under_way -= 1
        inner = _unwrapped(answer)
        if inner is None or not _answers(inner, request):
            raise StanzaError("service-unavailable", "whoever answers this has given a wrong answer")
        attrs = {key: value for key, value in inner.attrs.items() if key not in ("to", "from")}
        return Iq(request.from_, request.to, attrs, *inner.children)

    # ---- service discovery (§6.2)

    @on(DescribeHost, priority=-100)
    def describe(self, event: DescribeHost) -> None:
        """Announce what the components can do in the place of what the server could (§6.2.1 to §6.2.3)."""
        namespaces = [namespace for namespace, _, _ in self.settings.delegated()]
        nested = self._nested.values()
        merge(event.server, namespaces, [info for server, _ in nested for info in server])
        merge(event.account, namespaces, [info for _, account in nested for info in account])

    @on(NodeInfoRequested, priority=-100)
    async def describe_node(self, event: NodeInfoRequested) -> None:
        """Have a component tell of the nodes of accounts that nobody here knows (§6.2.4)."""
        payload = await self._discover(ANY_INFO, event.request)
        if payload is not None:
            event.info = read_info(payload)
            event.stop()

    @on(ItemsRequested, priority=-100)
    async def list_items(self, event: ItemsRequested) -> None:
        """Have a component tell of the items of accounts, and of nodes nobody here knows (§6.2.5)."""
        if event.node and event.items is not None:
            return
        payload = await self._discover(ANY_ITEMS, event.request)
        if payload is not None:
            event.items = list(payload.elements("item", DISCO_ITEMS))

    async def _discover(self, namespace: str, request: Iq) -> Element | None:
        """The payload of a component's answer; None where nobody is to be asked.

        Raises:
            StanzaError: that the component answers with, or service-unavailable.
        """
        entity = next((entity for ns, entity, _ in self.settings.delegated() if ns == namespace), None)
        if entity is None or request.to is None or not request.to.local:
            return None
        if request.from_ is not None and request.from_.bare == entity:
            return None
        if not await self.host.authenticator.exists(request.to.local):
            return None
        answer = await self._forward(JID.parse(entity), request)
        if answer.type == "error":
            raise answer.failure()
        return answer.payload


def _unwrapped(answer: Iq) -> Element | None:
    delegation = answer.child("delegation", DELEGATION)
    forwarded = delegation.child("forwarded", FORWARD) if delegation is not None else None
    return forwarded.child("iq", CLIENT) if forwarded is not None else None


def _answers(inner: Element, request: Iq) -> bool:
    """Whether an answer is one to a request: what the component must not change it hasn't (§4.3)."""
    sender = inner.get("from")
    return (
        inner.get("type") in ("result", "error")
        and inner.get("id") == request.id
        and _is(inner.get("to"), request.from_)
        and (sender is None or _is(sender, request.to))
    )


def _is(text: str | None, address: JID | None) -> bool:
    try:
        return text is not None and JID.parse(text) == address
    except JIDError:
        return False
