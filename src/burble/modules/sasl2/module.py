"""XEP-0388: a login that brings along what comes after it, and needs no new stream."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pydantic import Field

from burble.errors import StreamError
from burble.jid import JID
from burble.module import CommandFailed, Module, ModuleSettings, command, nonza, on
from burble.modules.sasl2 import binding, upgrade
from burble.modules.sasl2.attempt import Attempt
from burble.modules.sasl2.fast import MECHANISMS, Fast
from burble.modules.sasl2.outcome import conclude
from burble.namespaces import FAST, SASL, SASL2
from burble.routing.events import StreamFeatures
from burble.sasl import Challenge, SaslFailure, Success, decode, encode
from burble.xml import Element

if TYPE_CHECKING:
    from burble.streams.c2s import C2SStream

_log = logging.getLogger("burble.c2s")

_DAY: Final = 86_400


class Sasl2(Module):
    """Offers SASL2 on encrypted streams (§2.1, §6): with it a client logs in, binds a resource or resumes its
    session, and enables what it needs, all in one go."""

    name = "sasl2"

    class Settings(ModuleSettings):
        """Tokens for clients that come back (XEP-0484)."""

        fast: bool = Field(
            default=True,
            description="Give clients that ask for it a token, with which they log in from then on.",
        )
        token_lifetime: int = Field(
            default=21 * _DAY,
            ge=60,
            description="How long a client may stay away until its token is good no more, in seconds.",
        )
        token_renewal: int = Field(
            default=_DAY,
            ge=0,
            description="From what age on a token that is used is replaced by a new one, in seconds.",
        )

    settings: Settings

    async def start(self) -> None:
        """Begin with nobody's attempt."""
        self.fast = Fast(self.host, self.settings.token_lifetime, self.settings.token_renewal)

    async def configure(self, settings: ModuleSettings) -> None:
        """Take other lifetimes; tokens that were given keep theirs."""
        await super().configure(settings)
        self.fast = Fast(self.host, self.settings.token_lifetime, self.settings.token_renewal)

    @on(StreamFeatures)
    def announce(self, event: StreamFeatures) -> None:
        """§2.1: mechanisms, and what can be asked for along with the login."""
        stream = event.stream
        tls = stream.carrier.tls
        if stream.login is not None or tls is None:
            return
        mechanisms = self.host.sasl.offered(tls)
        if not mechanisms:
            return
        offer = Element("authentication", SASL2)
        for name in mechanisms:
            offer.add("mechanism", text=name)
        inline = offer.add("inline")
        for feature in binding.features(self.host):
            inline.append(feature)
        if self.settings.fast:
            fast = inline.add("fast", FAST)
            for name, binding_type in MECHANISMS.items():
                if not binding_type or binding_type in tls.channel_binding_types:
                    fast.add("mechanism", text=name)
        for task in upgrade.tasks(self.host.authenticator):
            offer.append(task)
        event.features.append(offer)

    # ---- from the client

    @nonza(SASL2)
    async def received(self, stream: C2SStream, element: Element) -> None:
        """Take a step of a login.

        Raises:
            StreamError: the client breaks the rules, or has failed too often.
        """
        if stream.login is not None or stream.carrier.tls is None:
            raise StreamError("not-authorized", "log in once, after TLS")  # §6.3.8
        attempt = stream.negotiation
        try:
            if element.name == "authenticate" and attempt is None:
                attempt = stream.negotiation = Attempt.begin(self, stream, element)
                await self._step(stream, attempt, _data(element.child("initial-response", SASL2)))
            elif not isinstance(attempt, Attempt):
                raise SaslFailure("malformed-request", f"<{element.name}/> is not expected now")
            elif element.name == "abort":
                raise SaslFailure("aborted", "the client gave up")
            elif element.name == "response" and attempt.success is None:
                await self._step(stream, attempt, decode(element.text) or b"")
            elif attempt.success is not None and attempt.upgrade is not None:
                await self._task(stream, attempt, attempt.success, attempt.upgrade, element)
            else:
                raise SaslFailure("malformed-request", f"<{element.name}/> is not expected now")
        except SaslFailure as failure:
            stream.negotiation = None
            stream.refuse_login(failure, _failure(failure))

    async def _step(self, stream: C2SStream, attempt: Attempt, data: bytes | None) -> None:
        step = await attempt.exchange.step(data)
        if isinstance(step, Challenge):
            stream.send(Element("challenge", SASL2, None, encode(step.data)))
            return
        _check_claim(stream, self.host.name, step)
        attempt.success = step
        attempt.upgrade = await upgrade.wanted(self.host.authenticator, step, attempt.request)
        if attempt.upgrade is not None:
            stream.send(attempt.upgrade.proposal(step.data))
        else:
            await self._finish(stream, attempt, step)

    async def _task(
        self, stream: C2SStream, attempt: Attempt, success: Success, task: upgrade.Upgrade, element: Element
    ) -> None:
        answer = await task.take(element)
        if answer is not None:
            stream.send(answer)
        else:
            await self._finish(stream, attempt, Success(success.user, None, success.anonymous))

    async def _finish(self, stream: C2SStream, attempt: Attempt, success: Success) -> None:
        stream.negotiation = None
        stream.login = success
        stream.allow(self.host.client_limits)
        await conclude(self.host, stream, attempt, success, self.fast if self.settings.fast else None)

    # ---- for administrators

    @command(tags=["accounts"])
    async def revoke_client_tokens(self, user: str, host: str) -> int:
        """Make worthless all tokens (XEP-0484) that clients of an account log in with.

        They have to log in with the password again. Sessions that are open stay.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            How many tokens there were.

        Example:
            revoke_client_tokens juliet localhost
        """
        if not await self.host.authenticator.exists(user):
            raise CommandFailed(f"there is no account {user}@{host}")
        return await self.fast.revoke(user)


def _data(element: Element | None) -> bytes | None:
    """The initial response: None where there is none, empty for an empty element (§2.2)."""
    return None if element is None else decode(element.text) or b""


def _check_claim(stream: C2SStream, host: str, success: Success) -> None:
    """§2.3: who says in the stream's header who it is, logs in as that or not at all.

    Raises:
        SaslFailure: not-authorized.
    """
    if stream.peer_name and not success.anonymous and stream.peer_name != JID.build(success.user, host):
        raise SaslFailure("not-authorized", "the stream was opened from another address")


def _failure(failure: SaslFailure) -> Element:
    """§2.6.2: the condition is RFC 6120's, the text is not."""
    answer = Element("failure", SASL2)
    answer.add(failure.condition, SASL)
    answer.add("text", text=failure.text)
    return answer
