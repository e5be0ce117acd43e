"""Commands over XML-RPC, called as ejabberd_xmlrpc and mod_rostbeef are.

    server.connected_users_number({"user": "admin", "server": "example.org", "password": "..."}, {})

A call has a struct of arguments, and may have a struct before it that says who calls; an HTTP header
``Authorization`` will do as well. mod_rostbeef's documentation writes arguments in order too, so that works.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from xmlrpc.client import MAXINT, MININT, Fault, Unmarshaller, dumps

from defusedxml.xmlrpc import DefusedExpatParser
from starlette.requests import Request
from starlette.responses import Response

from burble.commands import Command, CommandFailed, NotAllowed, Registry, UnknownCommand, WrongArguments
from burble.commands.permissions import RemoteCaller
from burble.commands.results import as_xmlrpc, plain
from burble.faces import rostbeef
from burble.faces.refusals import Refused, refused
from burble.faces.requests import Intake
from burble.faces.rest import rename_old

__all__ = ["XmlRpc"]

# The fault codes of ejabberd_xmlrpc.
_UNKNOWN_CALL: Final = -112
_WRONG_ARGUMENT: Final = {"missing": -116, "unknown": -120, "value": -122}
_FAILED: Final = -118
# ejabberd's XML-RPC interface knows no versions: commands are what they were first.
_VERSION: Final = 0
# That of "Specification for Fault Code Interoperability": not well formed.
_NOT_WELL_FORMED: Final = -32700


class XmlRpc:
    """The XML-RPC interface.

    Args:
        intake: takes the requests.
        registry: the commands.
    """

    def __init__(self, intake: Intake, registry: Registry) -> None:
        self._intake = intake
        self._registry = registry

    async def answer(self, request: Request) -> Response:
        """Answer a request."""
        try:
            caller = await self._intake.caller(request, "xmlrpc")
            body = await self._intake.body(request)
        except Refused as error:
            return _respond(Fault(_FAILED, f"Error {_FAILED}\n{error}"), error)
        try:
            name, params = _read(body)
            return _respond(await self._call(name, params, caller))
        except Fault as fault:
            return _respond(fault)
        except Refused as error:
            return _respond(_fault(_FAILED, str(error)), error if error.status == 401 else None)

    async def _call(self, name: str, params: list[Any], caller: RemoteCaller) -> Any:
        of_ejabberd = False
        if params and _is_login(params[0]) and (caller.account is None or len(params) > 1):
            login = params.pop(0)
            of_ejabberd = "admin" in login  # which means to call as one; mod_rostbeef knows no such thing
            caller = await self._log_in(caller, login)
        known = caller.account is not None
        try:
            command = self._registry.find(name, _VERSION)
            judged = caller.caller(self._intake.server.settings)
            if (refusal := judged.refusal(command)) is not None:
                raise refusal
        except (UnknownCommand, NotAllowed) as error:
            if not known:
                raise refused(error, known=False) from None
            if name in rostbeef.INTEGERS:
                return 403
            code = _UNKNOWN_CALL if isinstance(error, UnknownCommand) else _FAILED
            raise _fault(code, str(error)) from None
        arguments = _arguments(command, params)
        old = not of_ejabberd and rostbeef.is_rostbeef(command.name, arguments)
        try:
            result = await self._registry.call(
                command.name, rename_old(command, arguments), judged, version=_VERSION
            )
        except CommandFailed as error:
            code = refused(error).status
            if old and command.name in rostbeef.INTEGERS:
                return code
            raise _failure(error, code if old else _FAILED) from None
        return rostbeef.shaped(command.name, result) if old else as_xmlrpc(command.described, result)

    async def _log_in(self, caller: RemoteCaller, login: Mapping[str, str]) -> RemoteCaller:
        """The caller that the first struct of a call names; a wrong one is a fault, as it is in ejabberd."""
        keeper = self._intake.doorkeeper
        try:
            if "token" in login:
                known = await keeper.by_token(caller, login["token"])
                if known.account == f"{login['user']}@{login['server']}":
                    return known
                raise _fault(_FAILED, "Invalid oauth token")
            return await keeper.by_password(caller, f"{login['user']}@{login['server']}", login["password"])
        except Refused as error:
            raise _fault(_FAILED, f"Invalid authentication data: {error}") from None


def _is_login(param: Any) -> bool:
    if not isinstance(param, dict) or not {"user", "server"} <= param.keys():
        return False
    said = [param[key] for key in ("user", "server", "password", "token") if key in param]
    return len(said) > 2 and all(isinstance(each, str) for each in said)


def _arguments(command: Command, params: list[Any]) -> dict[str, Any]:
    """The arguments of a call, from its struct or in order.

    Raises:
        Fault: there are more than the command takes.
    """
    if len(params) == 1 and isinstance(params[0], dict):
        return dict(params[0])
    if len(params) > len(command.arguments):
        raise _fault(
            _WRONG_ARGUMENT["unknown"],
            f"expected a struct of arguments, or {len(command.arguments)} in order: {command.usage}",
        )
    # mod_rostbeef's `server` is what the command calls `host`.
    names = ("server" if argument.name == "host" else argument.name for argument in command.arguments)
    return dict(zip(names, params, strict=False))


def _value(value: Any) -> Any:
    """An argument as JSON would have it: ejabberd takes lists as arrays of structs with one member each."""
    if isinstance(value, list):
        return [
            _value(next(iter(each.values()))) if isinstance(each, dict) and len(each) == 1 else _value(each)
            for each in value
        ]
    if isinstance(value, dict):
        return {name: _value(each) for name, each in value.items()}
    return value


def _failure(error: CommandFailed, code: int) -> Fault:
    if isinstance(error, WrongArguments) and code == _FAILED:
        code = _WRONG_ARGUMENT[error.problem]
    return _fault(code, str(error))


def _fault(code: int, text: str) -> Fault:
    # ejabberd begins like this, and there are programs that read it.
    return Fault(code, f"Error {code}\n{text}")


def _read(body: bytes) -> tuple[str, list[Any]]:
    """The method and the parameters of a call.

    Raises:
        Fault: it is none.
    """
    target = Unmarshaller(use_builtin_types=True)
    parser = DefusedExpatParser(target, forbid_dtd=True)
    try:
        parser.feed(body)
        parser.close()
        params = [_value(param) for param in target.close()]
        name = target.getmethodname()
    except Exception as error:
        # The parser's own errors are of many kinds; none of them is anybody's but the caller's.
        raise _fault(_NOT_WELL_FORMED, f"this is no XML-RPC call: {type(error).__name__}: {error}") from None
    if not isinstance(name, str) or not name:
        raise _fault(_NOT_WELL_FORMED, "this is no XML-RPC call: it names no method")
    return name, params


def _respond(value: Any, error: Refused | None = None) -> Response:
    text = dumps(value if isinstance(value, Fault) else (_sendable(value),), methodresponse=True)
    return Response(
        text.encode("utf-8", "xmlcharrefreplace"),
        200 if error is None else error.status,
        headers={"Cache-Control": "no-store", **(error.headers if error is not None else {})},
        media_type="text/xml",
    )


def _sendable(value: Any) -> Any:
    """A value that XML-RPC has a type for: numbers beyond 32 bits become text."""
    if isinstance(value, dict):
        return {key: _sendable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_sendable(each) for each in value]
    if isinstance(value, int) and not MININT <= value <= MAXINT:
        return str(value)
    return plain(value)
