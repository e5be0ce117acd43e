"""What the commands of service administration have in common (XEP-0133)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from burble.auth import (
    AccountExists,
    AuthenticatorUnavailable,
    AuthError,
    ChangeRefused,
    NoSuchAccount,
)
from burble.commands import Caller, CommandFailed, NotAllowed, Registry, UnknownCommand, WrongArguments
from burble.errors import StanzaError
from burble.fields import FieldType, FormError
from burble.forms import Form
from burble.jid import JID
from burble.modules.adhoc import Done, Note
from burble.namespaces import ADMIN
from burble.routing.hosts import Host
from burble.storage import StorageError

__all__ = ["Desk", "asking", "result"]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where what an administrator asks for is done: by commands of the registry.

    Attributes:
        host: the host that is administered.
        registry: the commands.
        caller: the administrator, as far as commands know.
    """

    host: Host
    registry: Registry
    caller: Caller

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """Call a command; an argument ``host`` is added where it has one.

        Raises:
            StanzaError: it can't be done (§5); FormError where that is because of what was filled in.
        """
        try:
            command = self.registry.find(name)
            if any(argument.name == "host" for argument in command.arguments):
                arguments["host"] = self.host.name
            return await self.registry.call(name, arguments, self.caller)
        except WrongArguments as error:
            raise FormError(None, str(error)) from None
        except CommandFailed as error:
            raise _stanza_error(error) from error

    async def account(self, jid: JID, *, or_session: bool = False) -> str:
        """The localpart of an account of the host.

        Args:
            jid: its bare JID.
            or_session: it may be a full one.

        Raises:
            FormError: it is none of an account of this host.
            StanzaError: item-not-found, where there is no such account.
        """
        if jid.domain != self.host.name or not jid.local or (jid.resource and not or_session):
            raise FormError(None, f"{jid} is no account of {self.host.name}")
        if not await self.host.authenticator.exists(jid.local):
            raise StanzaError("item-not-found", f"there is no account {jid.bare}")
        return jid.local

    async def each(self, jids: Iterable[JID], work: Callable[[JID], Awaitable[None]]) -> Done:
        """Do something for each address; where there are several, one that can't be done keeps none back.

        Raises:
            StanzaError: it can't be done for the only one.
        """
        several = list(jids)
        if len(several) == 1:
            await work(several[0])
            return Done()
        failures = []
        for jid in several:
            try:
                await work(jid)
            except StanzaError as error:
                failures.append(Note(f"{jid}: {error.text or error.condition}", "error"))
        return Done(*failures)


def asking(title: str, instructions: str) -> Form:
    """A form to be filled in."""
    return Form("form", ADMIN, title, instructions)


def result(var: str, type: FieldType, label: str | None, value: Any) -> Form:
    """A result of one field."""
    form = Form("result", ADMIN)
    form.add(var, type, label=label, value=value)
    return form


#: The condition for what may be the cause of a command's failure (§5).
_CONDITIONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (AccountExists, "conflict"),
    (NoSuchAccount, "item-not-found"),
    (ChangeRefused, "not-allowed"),
    (AuthenticatorUnavailable, "resource-constraint"),
    (StorageError, "resource-constraint"),
    (AuthError, "not-acceptable"),
)


def _stanza_error(error: CommandFailed) -> StanzaError:
    cause = error.__cause__
    if isinstance(cause, StanzaError):
        return cause
    if isinstance(error, NotAllowed):
        return StanzaError("forbidden", str(error), "cancel")
    if isinstance(error, UnknownCommand):
        return StanzaError("feature-not-implemented", "what does this is not loaded here")
    for kind, condition in _CONDITIONS:
        if isinstance(cause, kind):
            return StanzaError(condition, str(error))
    return StanzaError("not-acceptable" if cause is None else "internal-server-error", str(error), "cancel")
