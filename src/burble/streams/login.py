"""SASL as RFC 6120 §6 has it; what has come after it is a module (`burble.modules.sasl2`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from burble.errors import StreamError
from burble.namespaces import SASL
from burble.sasl import Challenge, Exchange, SaslFailure, Success, decode, encode
from burble.xml import Element

if TYPE_CHECKING:
    from burble.streams.c2s import C2SStream, ClientHost

__all__ = ["SaslLogin"]


class SaslLogin:
    """The logins that are tried on one stream, until one succeeds.

    Args:
        stream: the client's.
    """

    __slots__ = ("_exchange", "_stream")

    def __init__(self, stream: C2SStream) -> None:
        self._stream = stream
        self._exchange: Exchange | None = None

    async def received(self, element: Element) -> None:
        """Take a step.

        Raises:
            StreamError: it is not the time for one, or the client has failed too often.
        """
        stream, host = self._stream, self._stream.host
        if host is None or stream.login is not None:
            raise StreamError("not-authorized", "this stream is logged in already")
        try:
            if host.settings.tls.require and stream.carrier.tls is None:
                raise SaslFailure("encryption-required", "start TLS first")
            step = await self._step(host, element)
        except SaslFailure as failure:
            self._exchange = None
            answer = Element("failure", SASL)
            answer.add(failure.condition)
            answer.add("text", attrs={"xml:lang": "en"}, text=failure.text)
            stream.refuse_login(failure, answer)
            return
        if isinstance(step, Challenge):
            stream.send(Element("challenge", SASL, None, encode(step.data)))
            return
        self._exchange = None
        stream.login = step
        stream.send(Element("success", SASL, None, *([encode(step.data)] if step.data is not None else [])))
        stream.restart(host.client_limits)

    async def _step(self, host: ClientHost, element: Element) -> Challenge | Success:
        if element.name == "abort":
            raise SaslFailure("aborted", "the client gave up")
        if element.name == "auth":
            self._exchange = host.sasl.begin(element.get("mechanism") or "", self._stream.carrier.tls)
            return await self._exchange.step(decode(element.text))
        if element.name == "response" and self._exchange is not None:
            return await self._exchange.step(decode(element.text) or b"")
        raise SaslFailure("malformed-request", f"<{element.name}/> is not expected now")
