"""Every command of the registry as an ad-hoc command, under nodes as ejabberd's mod_adhoc_api has them."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from typing import Final

from burble.commands import ADMIN, Caller, Command, CommandFailed, NotAllowed, Registry, WrongArguments
from burble.commands.base import Administered
from burble.commands.permissions import IPAddress, RemoteCaller
from burble.errors import StanzaError
from burble.faces.adhoc.results import told
from burble.faces.adhoc.signatures import arguments_of, form_of
from burble.fields import FormError
from burble.jid import JID
from burble.modules.adhoc import Answer, Ask, CommandsRequested, Done, Note, Steps
from burble.routing.hosts import Host

__all__ = ["PREFIX", "ApiCommands"]

PREFIX: Final = "api-commands/"
"""What stands before a command's name in its node."""


class ApiCommands:
    """Offers the commands of the registry.

    Those whom the key ``admins`` at the top of the settings names may call all of them, from anywhere. Others
    need a rule of ``[api.permissions]`` that is about the interface ``adhoc``.

    Args:
        server: whose commands.
        registry: they.
    """

    def __init__(self, server: Administered, registry: Registry) -> None:
        self._server = server
        self._registry = registry

    def offer(self, host: Host, event: CommandsRequested) -> None:
        """Offer the commands, or the one that is asked for."""
        if event.node is None:
            for command in self._registry:
                self._offer(host, event, command)
        elif event.node.startswith(PREFIX):
            name = event.node.removeprefix(PREFIX)
            try:
                command = self._registry.find(name)
            except CommandFailed:
                return
            if command.name == name:
                self._offer(host, event, command)

    def _offer(self, host: Host, event: CommandsRequested, command: Command) -> None:
        run = partial(self._run, host, command)
        event.offer(PREFIX + command.name, command.name, run, partial(self._refusal, host, command))

    def _refusal(self, host: Host, command: Command, asker: JID) -> str:
        refusal = self._caller(host, asker).refusal(command)
        return _explained(refusal) if refusal is not None else ""

    def _caller(self, host: Host, asker: JID) -> Caller:
        if asker.bare in self._server.settings.admins:
            return Caller(f"{asker.bare} by adhoc", frozenset({ADMIN}))
        session = host.sessions.find(asker) if asker.domain == host.name else None
        caller = RemoteCaller("adhoc", _address(session.address) if session is not None else None)
        if session is not None and not session.anonymous:
            caller = caller.proved(asker.bare)
        return caller.caller(self._server.settings)

    async def _run(self, host: Host, command: Command, asker: JID) -> Steps:
        form = form_of(command, host.name)
        answer = Answer({}, "complete") if form is None else (yield Ask(form))
        try:
            result = await self._registry.call(
                command.name, arguments_of(command, answer), self._caller(host, asker)
            )
        except WrongArguments as error:
            raise FormError(None, str(error)) from None
        except NotAllowed as error:
            raise StanzaError("forbidden", _explained(error), "cancel") from None
        except CommandFailed as error:
            yield Done(Note(str(error), "error"))
        else:
            yield Done(*told(command, result))


def _explained(refusal: NotAllowed) -> str:
    remedy = f"; {refusal.remedy}" if refusal.remedy else ""
    return f"{refusal} (the rule: {refusal.rule}{remedy})"


def _address(text: str) -> IPAddress | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
