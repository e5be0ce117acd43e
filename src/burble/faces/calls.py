"""What may be asked of a server through its socket, and the answers; see `burble.faces.control`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any, Final

from burble.commands import ADMIN, Caller, CommandFailed, NotAllowed, Registry, UnknownCommand
from burble.commands.base import Administered
from burble.commands.permissions import RemoteCaller
from burble.commands.progress import Listener
from burble.faces.completion import complete
from burble.faces.doorkeeper import Doorkeeper
from burble.faces.ejabberd import Printed, print_error, print_result, print_status
from burble.faces.ejabberd_help import help_text
from burble.faces.oldscripts import version_meant, without_old_arguments
from burble.faces.refusals import Refused

__all__ = ["CALLER", "Answer", "BadRequest", "Call", "Calls", "error"]

Answer = dict[str, Any]

CALLER: Final = Caller("burblectl", frozenset({ADMIN}))
"""Whoever may open the socket."""

# Who may open the socket is on this machine.
_HERE: Final = IPv4Address("127.0.0.1")


class BadRequest(CommandFailed):
    """What came is no request."""

    kind = "bad-request"


def read_request(line: bytes) -> Any:
    """A request, as JSON has it.

    Raises:
        BadRequest: it is not JSON.
    """
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"a request is a JSON object on one line: {error}") from None


@dataclass(frozen=True, slots=True)
class Call:
    """A command that is asked for.

    Attributes:
        command: its name.
        arguments: by name, or texts in order.
        auth: user, host and password of the account that calls; None for the administrator at the socket.
        ejabberd: the answer shall be as ejabberdctl prints it.
        version: of ejabberd's API; None for the newest.
        progress: how far the command has come shall be told meanwhile.
    """

    command: str
    arguments: dict[str, Any] | list[str]
    auth: tuple[str, str, str] | None = None
    ejabberd: bool = False
    version: int | None = None
    progress: bool = False

    @classmethod
    def read(cls, request: Any) -> Call:
        """Take it from a request.

        Raises:
            BadRequest: it is none.
        """
        match request:
            case {"command": str(name), "arguments": dict() as arguments}:
                pass
            case {"command": str(name), "arguments": list(arguments)} if _are_texts(arguments):
                pass
            case _:
                raise BadRequest('a request is like {"command": "status", "arguments": {}}')
        auth, version = request.get("auth"), request.get("version")
        if auth is not None and not (isinstance(auth, list) and len(auth) == 3 and _are_texts(auth)):
            raise BadRequest("auth: expected a list of user, host and password")
        if version is not None and (not isinstance(version, int) or version < 0):
            raise BadRequest("version: expected a whole number")
        return cls(
            name,
            arguments,
            (auth[0], auth[1], auth[2]) if auth else None,
            request.get("style") == "ejabberd",
            version,
            request.get("progress") is True,
        )


class Calls:
    """Carries out what is asked for.

    Args:
        server: whose accounts and permissions count.
        registry: the commands.
    """

    def __init__(self, server: Administered, registry: Registry) -> None:
        self._server = server
        self._registry = registry
        self._doorkeeper = Doorkeeper(server)

    async def answer(self, line: bytes, tell: Callable[[Answer], None]) -> Answer:
        """Answer a request.

        Args:
            line: it.
            tell: is given what is to be sent before the answer.
        """
        try:
            request = read_request(line)
            match request:
                case {"complete": [_, *_] as words} if _are_texts(words):
                    return {"result": complete(self._server, self._registry, words)}
            call = Call.read(request)
        except BadRequest as refused:
            return error(refused)

        def listener(progress: Any) -> None:
            tell({"progress": {"done": progress.done, "total": progress.total, "text": progress.text}})

        listens = listener if call.progress else None
        if call.ejabberd:
            printed = await self._as_ejabberd(call, listens)
            return {"text": printed.text, "status": printed.status}
        try:
            return {"result": await self._carry_out(call, listens)}
        except CommandFailed as failed:
            return error(failed)

    async def _carry_out(self, call: Call, listener: Listener | None) -> Any:
        caller = await self._caller(call)
        return await self._registry.call(
            call.command, call.arguments, caller, progress=listener, version=call.version
        )

    async def _as_ejabberd(self, call: Call, listener: Listener | None) -> Printed:
        command = None
        try:
            if call.command == "help":
                return Printed(help_text(list(call.arguments), list(self._registry)))
            if call.command == "status":
                return print_status()
            if call.version is None and isinstance(call.arguments, list):
                arguments = without_old_arguments(call.command, call.arguments)
                version = version_meant(self._registry, call.command, arguments)
                call = replace(call, arguments=arguments, version=version)
            command = self._registry.find(call.command, call.version)
            return print_result(command, await self._carry_out(call, listener), call.version)
        except CommandFailed as failed:
            return print_error(failed, command, len(call.arguments))

    async def _caller(self, call: Call) -> Caller:
        """Who calls.

        Raises:
            NotAllowed: the password is wrong.
            CommandFailed: that can't be found out now.
        """
        if call.auth is None:
            return CALLER
        user, host, password = call.auth
        remote = RemoteCaller("burblectl", _HERE)
        try:
            remote = await self._doorkeeper.by_password(remote, f"{user}@{host}", password)
        except Refused as refused:
            kind = NotAllowed if refused.status == 401 else CommandFailed
            raise kind(str(refused)) from None
        return remote.caller(self._server.settings)


def error(failed: CommandFailed) -> Answer:
    """The answer that a command failed."""
    told: dict[str, Any] = {"kind": failed.kind, "text": str(failed)}
    if isinstance(failed, NotAllowed) and failed.remedy:
        told["remedy"] = failed.remedy
    if isinstance(failed, UnknownCommand):
        told["nearest"] = failed.nearest
    return {"error": told}


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(each, str) for each in values)
