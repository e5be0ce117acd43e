"""Commands about tokens for the HTTP interfaces, by the names that ejabberd has for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field

from burble.commands.arguments import HIDDEN
from burble.commands.base import Administered, served
from burble.commands.tokens import Tokens
from burble.jid import JID
from burble.module import CommandFailed, command


def _scopes(value: object) -> object:
    # Before version 24.02 ejabberd took one text, with semicolons.
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        return value
    return [part.strip() for each in given for part in each.split(";")]


Scopes = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_scopes), Field(min_length=1)]
"""The commands a token is for."""

TokenText = Annotated[str, HIDDEN]
"""A token, which is as secret as a password."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token, its scopes, and for how long it is good."""

    token: str
    scopes: list[str]
    expires_in: str


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token's id, whom it stands for, its scopes, and for how long it is good."""

    token: str
    user: str
    scope: str
    expires_in: str


class OAuth:
    """The commands about tokens.

    Args:
        server: whose tokens.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(
        tags=["oauth"],
        version=1,
        result="result::(token::string, scopes::[scope::string], expires_in::string)",
    )
    async def oauth_issue_token(
        self, jid: JID, ttl: Annotated[int, Field(ge=1, le=3_155_760_000)], scopes: Scopes
    ) -> IssuedToken:
        """Make a token, with which programs call commands over HTTP in the name of an account.

        The token lets them do what the account may do, as far as its scopes go.

        Args:
            jid: the account.
            ttl: for how long it is good, seconds.
            scopes: the commands it is for: names, patterns such as ``get_*``, all of a tag as
                ``[tag:accounts]``; ``*`` is every command.

        Returns:
            The token, which is not shown again.

        Example:
            oauth_issue_token admin@localhost 3600 "connected_users,[tag:roster]"
        """
        host = served(self._server, jid.domain)
        if not jid.local or not await host.authenticator.exists(jid.local):
            raise CommandFailed(f"there is no account {jid.bare}")
        token = await Tokens(self._server.database).issue(jid.bare, ttl, scopes)
        return IssuedToken(token, scopes, f"{ttl} seconds")

    @command(
        tags=["oauth"],
        name="oauth_issue_token",
        result="result::(token::string, scopes::string, expires_in::string)",
    )
    async def oauth_issue_token_v0(
        self, jid: JID, ttl: Annotated[int, Field(ge=1, le=3_155_760_000)], scopes: Scopes
    ) -> dict[str, str]:
        """Make a token, with which programs call commands over HTTP in the name of an account.

        Args:
            jid: the account.
            ttl: for how long it is good, seconds.
            scopes: the commands it is for, with semicolons between them.

        Returns:
            The token, which is not shown again.

        Example:
            oauth_issue_token admin@localhost 3600 "connected_users;[tag:roster]"
        """
        issued = await self.oauth_issue_token(jid, ttl, scopes)
        return {"token": issued.token, "scopes": ";".join(issued.scopes), "expires_in": issued.expires_in}

    @command(
        tags=["oauth"],
        safe=True,
        result="tokens::[token::(token::string, user::string, scope::string, expires_in::string)]",
    )
    async def oauth_list_tokens(self) -> list[ListedToken]:
        """List the tokens that are good.

        Returns:
            Each with an id in place of the token, of which only a hash is stored; whom it stands for; its
            scopes; for how long it is good.

        Example:
            oauth_list_tokens
        """
        now = int(time.time())
        return [
            ListedToken(each.id, str(each.account), " ".join(each.scopes), f"{each.expires - now} seconds")
            for each in await Tokens(self._server.database).all()
        ]

    @command(tags=["oauth"], result="res::restuple")
    async def oauth_revoke_token(self, token: TokenText) -> str:
        """Let a token be good no longer.

        Args:
            token: the token, or its id as `oauth_list_tokens` shows it.

        Returns:
            A sentence that says so.

        Example:
            oauth_revoke_token 3f9ac21b77d0
        """
        if not await Tokens(self._server.database).revoke(token):
            raise CommandFailed("there is no such token; oauth_list_tokens shows those there are")
        return "The token is revoked"
