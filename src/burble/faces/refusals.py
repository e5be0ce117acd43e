"""Why a call over HTTP is not carried out: one kind of error for REST and XML-RPC."""

from __future__ import annotations

from typing import Final

from burble.auth import AccountExists, AuthenticatorUnavailable, NoSuchAccount
from burble.commands import CommandFailed, NotAllowed, ServerMistake, UnknownCommand, WrongArguments
from burble.errors import StanzaError
from burble.storage import StorageError

__all__ = ["BEARER", "Refused", "refused"]

BEARER: Final = 'Basic realm="Burble", charset="UTF-8", Bearer realm="Burble"'
"""How a caller may say who it is (RFC 7617, RFC 6750)."""


class Refused(Exception):
    """A call is not carried out.

    Args:
        status: of HTTP; for what a command itself says, the code that XEP-0086 gives the reason.
        kind: one word for programs.
        text: what a person should read.
        rule: what refused, where it is a matter of permission.
        remedy: what would allow it.
        headers: for the answer.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        text: str,
        *,
        rule: str = "",
        remedy: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.kind = kind
        self.rule = rule
        self.remedy = remedy
        self.headers = headers or {}


def refused(error: CommandFailed, *, known: bool = True) -> Refused:
    """The refusal that an error of the registry is.

    Args:
        error: the error.
        known: whether the caller has said who it is: if not, that is what is asked for first.
    """
    text = str(error)
    if isinstance(error, NotAllowed | UnknownCommand) and not known:
        rule = error.rule if isinstance(error, NotAllowed) else ""
        remedy = "say who you are: the address and password of an account, or a token"
        return unauthorized("this needs an account with the right to do it", rule=rule, remedy=remedy)
    if isinstance(error, NotAllowed):
        return Refused(403, error.kind, text, rule=error.rule, remedy=error.remedy)
    if isinstance(error, UnknownCommand):
        return Refused(404, error.kind, text)
    if isinstance(error, WrongArguments):
        return Refused(400, error.kind, text)
    return Refused(500 if isinstance(error, ServerMistake) else _status(error.__cause__), error.kind, text)


def unauthorized(text: str, *, rule: str = "", remedy: str = "") -> Refused:
    """A caller has to say who it is, or has not proved it."""
    headers = {"WWW-Authenticate": BEARER}
    return Refused(401, "not-authorized", text, rule=rule, remedy=remedy, headers=headers)


def _status(cause: BaseException | None) -> int:
    match cause:
        case StanzaError():
            return cause.code
        case AccountExists():
            return 409
        case NoSuchAccount():
            return 404
        case AuthenticatorUnavailable() | StorageError():
            return 503
    return 400
