"""Commands over REST: ``POST /api/COMMAND`` with a JSON object of arguments, as in ejabberd's mod_http_api.

Where ejabberd has the command the result has the shape it has there; else it is plain JSON. As in ejabberd
``/api/COMMAND/v1`` is the command as it was in version 1 of the API; without a version it is the newest. An
error is an object too, with what ejabberd puts into it and more:

    {"status": "error", "code": 32, "message": "...", "kind": "not-allowed", "rule": "...", "remedy": "..."}
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from pydantic_core import from_json, to_json
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from burble.commands import Command, CommandFailed, Registry, WrongArguments
from burble.commands.permissions import RemoteCaller
from burble.commands.results import as_rest
from burble.faces.openapi import describe
from burble.faces.refusals import Refused, refused, unauthorized
from burble.faces.requests import Intake

__all__ = ["Rest", "answer_error", "rename_old"]

# The numbers that mod_http_api puts beside the status.
_CODES: Final = {"not-authorized": 10, "not-allowed": 32, "bad-request": 40, "unknown-command": 44}
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# The page is all in one file; nothing else is to be loaded, and no other page may show it in a frame.
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Arguments that ejabberd called otherwise once; it takes these names too.
_OLD_NAMES: Final = {"server": "host", "localserver": "localhost", "name": "room"}


class Rest:
    """The REST interface.

    Args:
        intake: takes the requests.
        registry: the commands.
    """

    def __init__(self, intake: Intake, registry: Registry) -> None:
        self._intake = intake
        self._registry = registry
        self.routes = [
            Route("/api/docs", self._page, methods=["GET"]),
            Route("/api/openapi.json", self._description, methods=["GET"]),
            Route("/api/{command}", self._call, methods=["GET", "POST"]),
            Route("/api/{command}/v{version:int}", self._call, methods=["GET", "POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        """The page to try commands at: the same for everybody; what there is it asks for with a password."""
        text = files("burble.faces").joinpath("docs.html").read_text(encoding="utf-8")
        return HTMLResponse(text, headers=_HEADERS | {"Content-Security-Policy": _PAGE_POLICY})

    async def _description(self, request: Request) -> Response:
        """OpenAPI of the commands that the caller may call."""
        caller = await self._intake.caller(request, "rest")
        judged = caller.caller(self._intake.server.settings)
        allowed = [command for command in self._registry if judged.refusal(command) is None]
        if not allowed and caller.account is None:
            raise unauthorized("this needs an account with the right to call a command")
        return _json(describe(each for command in allowed for each in self._registry.versions(command.name)))

    async def _call(self, request: Request) -> Response:
        caller = await self._intake.caller(request, "rest")
        known = caller.account is not None
        try:
            version = request.path_params.get("version")
            command = self._command(request.path_params["command"], version, caller)
            if request.method == "POST":
                arguments = read_body(command, await self._intake.body(request))
            elif command.safe:
                query = request.query_params
                arguments = command.read_named({key: query.getlist(key) for key in query})
            else:
                text = f"{command.name} changes something: use POST"
                raise Refused(405, "bad-request", text, headers={"Allow": "POST"})
            result = await self._registry.call(
                command.name,
                rename_old(command, arguments),
                caller.caller(self._intake.server.settings),
                version=command.version,
            )
        except CommandFailed as error:
            raise refused(error, known=known) from None
        return _json(as_rest(command.described, result))

    def _command(self, name: str, version: int | None, caller: RemoteCaller) -> Command:
        """The command, if the caller may call it: before anything of it is read."""
        command = self._registry.find(name, version)
        if (refusal := caller.caller(self._intake.server.settings).refusal(command)) is not None:
            raise refusal
        return command


def read_body(command: Command, body: bytes) -> dict[str, Any]:
    """The arguments in a body: an object, or as a list of values in order, or of objects with one each.

    Raises:
        Refused: it is no JSON, or none of these.
        WrongArguments: there are too many, or one is there twice.
    """
    if not body.strip():
        return {}
    try:
        given = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Refused(400, "bad-request", f"the body is not JSON: {error}") from None
    if isinstance(given, dict):
        return given
    if not isinstance(given, list):
        raise Refused(400, "bad-request", "the body is a JSON object of arguments, or a list of them")
    if given and all(isinstance(each, dict) and len(each) == 1 for each in given):
        pairs = [pair for each in given for pair in each.items()]
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            raise WrongArguments(f"an argument is given twice\nusage: {command.usage}")
        return dict(pairs)
    if len(given) > len(command.arguments):
        raise WrongArguments(f"got {len(given)} arguments\nusage: {command.usage}", "unknown")
    return {argument.name: value for argument, value in zip(command.arguments, given, strict=False)}


def rename_old(command: Command, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with the names they have now, for programs that use the names ejabberd once had."""
    names = {argument.name for argument in command.arguments}
    renamed = {
        old: new
        for old, new in _OLD_NAMES.items()
        if old in arguments and old not in names and new in names and new not in arguments
    }
    return {renamed.get(name, name): value for name, value in arguments.items()}


def answer_error(error: Refused) -> Response:
    """The answer that tells of a refusal."""
    said: dict[str, Any] = {
        "status": "error",
        "code": _CODES.get(error.kind, 0),
        "message": str(error),
        "kind": error.kind,
    }
    if error.rule:
        said["rule"] = error.rule
    if error.remedy:
        said["remedy"] = error.remedy
    return _json(said, error.status, error.headers)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        to_json(value), status, headers={**_HEADERS, **(headers or {})}, media_type="application/json"
    )
